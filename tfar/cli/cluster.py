"""The workers of a training on several hosts: reading TF_CONFIG, and waiting until all are there. Needs no TensorFlow."""

import contextlib
import json
import os
import socket
import socketserver
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

EXAMPLE = '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'
JOBS = ("chief", "worker")
ANSWER, OTHER_CLUSTER = b"here\n", b"other\n"
KNOCK_SECONDS = 2.0  # for one try to reach a worker
MOST_BYTES = 200  # of a greeting


@dataclass(frozen=True)
class Cluster:
    """The workers of TF_CONFIG.

    Attributes:
        addresses: `host:port` of each, the chief first.
        index: number of this one among them.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def chief(self) -> bool:
        """Whether this worker writes files and prints."""
        return self.index == 0

    @property
    def port(self) -> int:
        """The port of this worker."""
        return int(self.addresses[self.index].rpartition(":")[2])

    def shown(self, index: int) -> str:
        """A worker in words."""
        return f"worker {index} ({self.addresses[index]})"


def read_cluster(environment: Mapping[str, str] = os.environ) -> Cluster:
    """The cluster that the variable TF_CONFIG describes, as TensorFlow documents it.

    Raises:
        ValueError: there is no TF_CONFIG, it is not JSON, it lacks a part, or a part is wrong.

    >>> read_cluster({"TF_CONFIG": EXAMPLE})
    Cluster(addresses=('host1:2222', 'host2:2222'), index=0)
    """
    text = environment.get("TF_CONFIG", "")
    if not text.strip():
        raise ValueError(f"--strategy multiworker needs the variable TF_CONFIG, such as {EXAMPLE}. Received: none")
    try:
        config = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"TF_CONFIG must be JSON, such as {EXAMPLE}. Received: {text!r} ({error})") from None
    jobs = config.get("cluster") if isinstance(config, dict) else None
    task = config.get("task") if isinstance(config, dict) else None
    if not (isinstance(jobs, dict) and jobs and all(isinstance(hosts, list) and hosts for hosts in jobs.values())):
        raise ValueError(f'TF_CONFIG must have a "cluster" with lists of workers, such as {EXAMPLE}. Received: cluster={jobs!r}')
    if unknown := [job for job in jobs if job not in JOBS] or (len(jobs.get("chief", [0])) != 1 and ["chief, more than one"]):
        raise ValueError(f'the cluster of TF_CONFIG may have one "chief", and "worker"s. Received: {", ".join(unknown)}')
    _check_addresses(jobs)
    kind, index = (task.get("type"), task.get("index")) if isinstance(task, dict) else (None, None)
    if kind not in jobs or not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(jobs[kind]):
        places = ", ".join(f'"{job}" from 0 to {len(hosts) - 1}' for job, hosts in jobs.items())
        raise ValueError(f'TF_CONFIG must have a "task" with a type and an index of its cluster: {places}. Received: task={task!r}')
    before = len(jobs.get("chief", [])) if kind == "worker" else 0
    return Cluster((*jobs.get("chief", []), *jobs.get("worker", [])), before + index)


def _check_addresses(jobs: dict[str, list[Any]]) -> None:
    addresses = [address for hosts in jobs.values() for address in hosts]
    for address in addresses:
        host, _, port = address.rpartition(":") if isinstance(address, str) else ("", "", "")
        if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
            raise ValueError(f"the workers of TF_CONFIG must be host:port, such as host1:2222. Received: {address!r}")
    if twice := sorted({address for address in addresses if addresses.count(address) > 1}):
        raise ValueError(f"each worker of TF_CONFIG must have another host:port. Received: {', '.join(twice)} more than once")


def wait_for_workers(cluster: Cluster, seconds: float) -> None:
    """Return when every worker has reached this one, and has been reached by it.

    TensorFlow itself waits without a limit, and deaf to Ctrl-C. So the workers greet each other first, at the addresses that TensorFlow
    then listens at.

    Raises:
        TimeoutError: a worker did not come in time.
        ValueError: a worker has another cluster.
        OSError: this worker's port is taken.
    """
    others = [index for index in range(len(cluster.addresses)) if index != cluster.index]
    if not others:
        return
    began = time.monotonic()
    with _listening(cluster) as heard:
        reached: set[int] = set()
        while True:
            reached |= {index for index in others if index not in reached and _greet(cluster, index)}
            missing = [index for index in others if index not in reached & heard]
            if not missing:
                return
            waited = time.monotonic() - began
            if waited > seconds:
                words = ", ".join(map(cluster.shown, missing))
                raise TimeoutError(
                    f"all {len(cluster.addresses)} workers must come within {seconds:g} seconds (--worker-timeout). "
                    f"Received: no answer from {words} in {waited:.0f} seconds"
                )
            time.sleep(0.05)


@contextlib.contextmanager
def _listening(cluster: Cluster) -> Iterator[set[int]]:
    """A server that answers greetings; gives the set of the workers from which one has come."""
    heard: set[int] = set()

    class Handler(socketserver.StreamRequestHandler):
        timeout = KNOCK_SECONDS

        def handle(self) -> None:
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # others may knock at a port too
                greeting = json.loads(self.rfile.readline(MOST_BYTES))
                same = greeting["cluster"] == _checksum(cluster)
                self.wfile.write(ANSWER if same else OTHER_CLUSTER)
                if same:
                    heard.add(int(greeting["worker"]))

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads = True, True

    try:
        server = Server(("", cluster.port), Handler)
    except OSError as error:
        raise OSError(f"{cluster.shown(cluster.index)} must be able to listen at its port. Received: {error}") from error
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield heard
        finally:
            server.shutdown()
            thread.join()


def _greet(cluster: Cluster, index: int) -> bool:
    """Whether a worker answers."""
    host, _, port = cluster.addresses[index].rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_SECONDS) as connection:
            connection.sendall(json.dumps({"cluster": _checksum(cluster), "worker": cluster.index}).encode() + b"\n")
            answer = connection.makefile("rb").readline(MOST_BYTES)
    except OSError:  # not there yet
        return False
    if answer == OTHER_CLUSTER:
        raise ValueError(f"all workers must have the same cluster in TF_CONFIG. Received: another one at {cluster.shown(index)}")
    return answer == ANSWER


def _checksum(cluster: Cluster) -> int:
    return zlib.crc32(" ".join(cluster.addresses).encode())
