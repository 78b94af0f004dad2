"""Load test: query an exported model in TensorFlow's C++ runtime from many threads, and check every answer.

    python scripts/load_test.py saved_models/digits/1 [--seconds 60] [--threads 8] [--batch 1 8 32] [--out results/FILE.txt]

Each thread sends random requests, `sample` or `log_prob` of random rows of a pool. It compares every row of the answer with a reference,
which TensorFlow in Python computed before, in another process. A row is wrong if its values differ, or if its log-probability differs by
more than rounding; the exit status is then 1. A draw within rounding of its threshold may fall either way in batches of different sizes.
So the pool leaves out rows in which the reference itself differs between a batch of one row and a batch of all.

The columns are the rows in a request, the requests answered, requests and rows per second, the median and the 99th percentile of the
latency in milliseconds (within 1 %), and the wrong rows. The threads share the cores with the session's own threads, so latencies are
those under full load.

Memory is read while no request runs: after 10 seconds (or half of --seconds, if that is less), and four times from then to the end. "In
use" is memory that was allocated and not freed (`mallinfo2` of glibc 2.33 and later). It leaves out Python's small objects, and includes
glibc's cache of each thread. "Resident" also includes freed memory that glibc keeps. glibc keeps some for each arena, which levels off only
after thousands of requests; therefore all threads share one arena. The exit status is 1 if the memory in use grows by more than 100 bytes
per request plus a quarter of a MiB. A leaked tensor is over 200 bytes, and a minute has thousands of requests.

The session is `tfar.testing.Session`, the one that TF Serving is built on. It has neither the server's batching nor its network.
"""

import argparse
import collections
import concurrent.futures
import ctypes
import multiprocessing
import os
import sys
import time
from pathlib import Path

import numpy as np
from numpy.random import default_rng  # imported first: it does not load after TensorFlow's libraries

from tfar.files import refuse_existing, write_text
from tfar.testing import Session, signatures

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
ENDPOINTS = ("log_prob", "sample")
M_ARENA_MAX = -8  # of glibc's mallopt
LOST, SLACK = 100, 2**18  # bytes: growth per request that counts as a leak; additional growth allowed for caches
TOLERANCE = {"rtol": 1e-4, "atol": 1e-3}  # of real numbers
STEP = np.log(1.01)  # between the bins of a latency
HEADER = f"{'endpoint':10s} {'rows':>5s} {'requests':>9s} {'per s':>9s} {'rows/s':>9s} {'p50 ms':>9s} {'p99 ms':>9s} {'wrong':>6s}"


def reference(path, size):
    """Answer a pool of requests; return names of tensors, {endpoint: inputs}, {endpoint: outputs} and the number of rows left out.

    Runs in its own process, because it needs TensorFlow in Python.
    """
    import tensorflow as tf

    from tfar.serving import labels_of

    served = tf.saved_model.load(str(path)).signatures
    specs = {endpoint: served[endpoint].structured_input_signature[1] for endpoint in ENDPOINTS}
    generator, rows = default_rng(0), np.arange(size, dtype=np.int32)
    values = {
        "seed": np.stack([np.ones_like(rows), rows], axis=1),
        "prompt": np.full(size, b"", object),
        "length": 16 + rows % 49,
        "temperature": np.ones(size, np.float32),
    }
    if "context" in specs["sample"]:
        values["context"] = generator.normal(size=[size, specs["sample"]["context"].shape[1]]).astype(np.float32)
    if "label" in specs["sample"]:
        names = labels_of(path) or []
        values["label"] = np.array([names[row % len(names)] for row in rows], object)

    def ask(endpoint, pick=slice(None)):
        given = {name: tf.constant(values[name][pick], spec.dtype) for name, spec in specs[endpoint].items()}
        return {name: output.numpy() for name, output in served[endpoint](**given).items()}

    answers = {"sample": ask("sample")}
    values |= {name: answers["sample"][name] for name in specs["log_prob"] if name not in values}
    answers["log_prob"] = ask("log_prob")
    wrong = sum(wrong_rows(ask(e, [k]), {n: v[[k]] for n, v in answers[e].items()})[0] * (rows == k) for e in ENDPOINTS for k in rows)
    kept = np.flatnonzero(wrong == 0)
    requests = {e: {name: values[name][kept] for name in specs[e]} for e in ENDPOINTS}
    return signatures(path), requests, {e: {n: v[kept] for n, v in answers[e].items()} for e in ENDPOINTS}, size - len(kept)


def wrong_rows(answer, expected):
    """Return which rows of an answer differ from the expected ones, bool `[B]`."""
    rows = len(next(iter(expected.values())))
    wrong = np.full(rows, answer.keys() != expected.keys())
    for name, value in expected.items():
        other = answer.get(name)
        if other is None or other.shape != value.shape or other.dtype != value.dtype:
            return np.ones(rows, bool)
        differs = ~np.isclose(other, value, **TOLERANCE) if value.dtype.kind == "f" else other != value
        wrong |= differs.reshape(rows, -1).any(axis=1)
    return wrong


class Tally:
    """A histogram of latencies in bins of 1 %, so that memory does not grow with their number, and the count of wrong rows."""

    def __init__(self):
        self.bins, self.wrong = np.zeros(3000, np.int64), 0

    def add(self, seconds, wrong):
        self.bins[np.clip(int(np.log(seconds / 1e-6) / STEP), 0, len(self.bins) - 1)] += 1
        self.wrong += wrong

    def quantile(self, share):
        """Return the latency in milliseconds that this share of the requests does not exceed."""
        return 1e-3 * np.exp(STEP * (np.searchsorted(np.cumsum(self.bins), share * self.bins.sum()) + 1))


def work(session, requests, answers, sizes, seed, until):
    """Send requests until a time is reached, in one thread; return {(endpoint, rows): Tally}."""
    generator, tallies = default_rng(seed), collections.defaultdict(Tally)
    pool = len(next(iter(answers["sample"].values())))
    while time.perf_counter() < until:
        endpoint, size = ENDPOINTS[generator.integers(2)], int(generator.choice(sizes))
        rows = generator.integers(pool, size=size)
        inputs = {name: value[rows] for name, value in requests[endpoint].items()}
        start = time.perf_counter()
        answer = session.run(endpoint, inputs)
        seconds = time.perf_counter() - start
        wrong = wrong_rows(answer, {name: value[rows] for name, value in answers[endpoint].items()})
        tallies[endpoint, size].add(seconds, int(wrong.sum()))
    return tallies


class MallInfo(ctypes.Structure):
    """glibc's `struct mallinfo2`."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    ]


def share_one_arena():
    """Make all threads that start later allocate from the first thread's arena.

    Raises:
        OSError: the C library is not glibc.
    """
    if not ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1):
        raise OSError("the arenas of glibc are needed. Received: a C library that does not know M_ARENA_MAX")


def memory():
    """Return the bytes in use by this process, and its resident bytes."""
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = MallInfo
    info = mallinfo()
    return info.uordblks + info.hblkhd, int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def leaks(readings):
    """Return whether bytes in use grow by more than `LOST` per request plus `SLACK`; a reading is (requests so far, bytes in use)."""
    (first, before), (last, after) = readings[0], readings[-1]
    return after - before > LOST * (last - first) + SLACK


def load(session, requests, answers, options):
    """Run the load test; return the lines of the table, the number of wrong rows, and whether memory leaks."""
    for endpoint in ENDPOINTS:  # warm up, as a server does when it loads a model, so that set-up counts as neither latency nor growth
        for rows in options.batch:
            session.run(endpoint, {name: value[:1].repeat(rows, axis=0) for name, value in requests[endpoint].items()})
    began, warm = time.perf_counter(), min(10.0, options.seconds / 2)
    parts = [warm, *[(options.seconds - warm) / 4] * 4]
    tallies, readings, told = {(endpoint, rows): Tally() for endpoint in ENDPOINTS for rows in options.batch}, [], []
    with concurrent.futures.ThreadPoolExecutor(options.threads) as threads:
        for part, seconds in enumerate(parts):
            arguments = session, requests, answers, options.batch
            until = time.perf_counter() + seconds
            running = [threads.submit(work, *arguments, [part, thread], until) for thread in range(options.threads)]
            for key, tally in (item for future in running for item in future.result().items()):
                tallies[key].bins += tally.bins
                tallies[key].wrong += tally.wrong
            count = int(sum(tally.bins.sum() for tally in tallies.values()))
            used, resident = memory()
            readings.append((count, used))
            passed, mib = time.perf_counter() - began, 2**20
            told.append(f"{passed:6.1f} s {count:8d} requests {used / mib:9.2f} MiB in use {resident / mib:9.2f} resident")
    lines = [HEADER]
    for (endpoint, rows), tally in sorted(tallies.items()):
        count = tally.bins.sum()
        times = f"{tally.quantile(0.5):9.2f} {tally.quantile(0.99):9.2f}"
        lines.append(f"{endpoint:10s} {rows:5d} {count:9d} {count / passed:9.1f} {count * rows / passed:9.0f} {times} {tally.wrong:6d}")
    (first, before), (last, after) = readings[0], readings[-1]
    told.append(f"{(after - before) / max(1, last - first):.1f} bytes in use for each request since the first of these lines")
    return [*lines, "memory", *told], sum(tally.wrong for tally in tallies.values()), leaks(readings)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="folder of a SavedModel")
    parser.add_argument("--seconds", type=float, default=60.0, help="duration (default: 60)")
    parser.add_argument("--threads", type=int, default=8, help="number of threads that send requests (default: 8)")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8, 32], help="numbers of rows in a request (default: 1 8 32)")
    parser.add_argument("--pool", type=int, default=64, help="number of different rows (default: 64)")
    parser.add_argument("--out", metavar="FILE", help="a new file for the table")
    options = parser.parse_args()
    out = None if options.out is None else refuse_existing(options.out)
    if not (options.path / "saved_model.pb").is_file():
        parser.error(f"the folder must have a saved_model.pb. Received: {options.path}")
    share_one_arena()
    memory()  # an old glibc fails here rather than after ten seconds
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        names, requests, answers, left_out = process.submit(reference, options.path, options.pool).result()
    session = Session(options.path, names)
    lines, wrong, leaking = load(session, requests, answers, options)
    title = (
        f"{options.path}: {options.threads} threads, {os.cpu_count()} cores, a pool of {options.pool - left_out} rows ({left_out} left out)"
    )
    table = "\n".join([title, *lines])
    print(table)
    if out is not None:
        write_text(out, f"{__doc__}\n{table}\n")
    if wrong or leaking:
        sys.exit(f"load_test: {wrong} rows were wrong, memory {'grew' if leaking else 'did not grow'}")


if __name__ == "__main__":
    main()
