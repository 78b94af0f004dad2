"""TF_CONFIG, and waiting for the workers that it names."""

import concurrent.futures
import json
import socket
import time

import pytest
from support.commands import fails
from support.processes import cluster as free_addresses

from tfar.cli.cluster import Cluster, read_cluster, wait_for_workers

WORKERS = {"worker": ["a:1", "b:2"]}


def read(cluster, task):
    return read_cluster({"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})})


def test_the_chief_is_the_first_worker_or_a_job_of_its_own():
    assert read(WORKERS, {"type": "worker", "index": 0}) == Cluster(("a:1", "b:2"), 0)
    assert read(WORKERS, {"type": "worker", "index": 1}).index == 1
    with_chief = {"worker": ["a:1", "b:2"], "chief": ["c:3"]}
    assert read(with_chief, {"type": "chief", "index": 0}) == Cluster(("c:3", "a:1", "b:2"), 0)
    assert read(with_chief, {"type": "worker", "index": 0}) == Cluster(("c:3", "a:1", "b:2"), 1)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", "needs the variable TF_CONFIG"),
        ("{worker", "must be JSON, .* Received: '{worker'"),
        ("[1]", "cluster=None"),
        ('{"cluster": {}}', "cluster={}"),
        ('{"cluster": {"worker": []}}', 'must have a "cluster"'),
        ('{"cluster": {"worker": "a:1"}}', 'must have a "cluster"'),
        ('{"cluster": {"worker": ["a:1"], "ps": ["b:2"]}}', "Received: ps"),
        ('{"cluster": {"worker": ["a:1"], "chief": ["b:2", "c:3"]}}', "chief, more than one"),
        ('{"cluster": {"worker": ["a"]}}', "must be host:port.* Received: 'a'"),
        ('{"cluster": {"worker": [7]}}', "must be host:port.* Received: 7"),
        ('{"cluster": {"worker": ["a:99999"]}}', "Received: 'a:99999'"),
        ('{"cluster": {"worker": ["a:1", "a:1"]}}', "a:1 more than once"),
        ('{"cluster": {"worker": ["a:1"]}}', "task=None"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', '"worker" from 0 to 0. Received: .*1'),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": true}}', "Received: .*True"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}}', "Received: .*'chief'"),
    ],
)
def test_a_wrong_tf_config_is_refused(text, shown):
    with pytest.raises(ValueError, match=shown):
        read_cluster({"TF_CONFIG": text})


def together(*clusters, seconds=5.0):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return [future.exception() for future in [pool.submit(wait_for_workers, cluster, seconds) for cluster in clusters]]


def test_workers_wait_for_each_other():
    addresses = tuple(free_addresses(3))
    assert together(*(Cluster(addresses, index) for index in range(3))) == [None] * 3
    assert together(*(Cluster(addresses, index) for index in range(3))) == [None] * 3  # the ports are free again at once


def test_a_worker_that_does_not_come_is_named_with_the_time():
    addresses = tuple(free_addresses(3))
    first, second = together(*(Cluster(addresses, index) for index in range(2)), seconds=0.5)
    for error in (first, second):
        assert isinstance(error, TimeoutError)
        assert f"within 0.5 seconds (--worker-timeout). Received: no answer from worker 2 ({addresses[2]}) in " in str(error)


def test_a_stranger_is_no_worker():
    addresses = tuple(free_addresses(2))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(wait_for_workers, Cluster(addresses, 0), 1.0)
        for words in (b"GET / HTTP/1.1\r\n\r\n", b"", b'{"worker": 1}\n', b"[1]\n"):
            for _ in range(100):
                try:
                    with socket.create_connection(("127.0.0.1", Cluster(addresses, 0).port), timeout=1) as connection:
                        connection.sendall(words)
                    break
                except ConnectionRefusedError:
                    time.sleep(0.01)
        assert isinstance(waiting.exception(), TimeoutError)


def test_another_cluster_is_refused():
    addresses = free_addresses(3)
    first, second = together(Cluster(tuple(addresses[:2]), 0), Cluster(tuple(addresses), 1), seconds=2.0)
    assert "the same cluster in TF_CONFIG. Received: another one at worker" in str(first) + str(second)


def test_a_port_that_is_taken_is_refused():
    with socket.create_server(("", 0)) as taken:
        addresses = (f"127.0.0.1:{taken.getsockname()[1]}", "127.0.0.1:1")
        with pytest.raises(OSError, match="must be able to listen at its port"):
            wait_for_workers(Cluster(addresses, 0), 1.0)


@pytest.mark.parametrize("config", [None, "{bad"])
def test_the_command_refuses_it_in_one_line(config, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config is not None:
        monkeypatch.setenv("TF_CONFIG", config)
    words = ["train", "made", "--data", "digits", "--out", tmp_path / "run", "--strategy", "multiworker"]
    assert "TF_CONFIG" in fails(capsys, *words)
    assert list(tmp_path.iterdir()) == []


def test_the_command_tells_how_long_it_waited(tmp_path, monkeypatch, capsys):
    addresses = free_addresses()
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": 0}}))
    words = ["train", "made", "--data", "digits", "--out", tmp_path / "run", "--strategy", "multiworker", "--worker-timeout", "1"]
    assert "Received: no answer from worker 1" in fails(capsys, *words)
    assert "worker_timeout must be" in fails(capsys, *words[:-1], "0")
    assert list(tmp_path.iterdir()) == []
