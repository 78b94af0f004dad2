"""What the tests of several processes share."""

import json
import os
import socket
import subprocess
import sys

from support import ROOT

REPLICAS = ROOT / "tests" / "support" / "replicas.py"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}


def cluster(count=2):
    """Addresses on this machine whose ports are free."""
    with_ports = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{server.getsockname()[1]}" for server in with_ports]
    for server in with_ports:
        server.close()
    return addresses


def tf_config(addresses, index):
    return json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})


def started(command, addresses, index):
    """A worker of a cluster; `{index}` in a command stands for its number."""
    words = [sys.executable, *(str(word).replace("{index}", str(index)) for word in command)]
    environment = {**ENVIRONMENT, "TF_CONFIG": tf_config(addresses, index)}
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run_workers(command, timeout=150):
    """Run a command as two workers. Returns the exit code, the output and the errors of each.

    All are killed at the time limit: TensorFlow takes SIGTERM for a warning that it then ignores.
    """
    addresses = cluster()
    workers = [started(command, addresses, index) for index in range(len(addresses))]
    try:
        printed = [worker.communicate(timeout=timeout) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    return [(worker.returncode, *texts) for worker, texts in zip(workers, printed, strict=True)]
