"""Load an exported model in TensorFlow's C++ runtime, and ask it from many threads for a while.

    python scripts/load_test.py saved_models/digits/1 [--seconds 60] [--threads 8] [--batch 1 8 32] [--out results/FILE.txt]

Each thread asks `sample` or `log_prob`, by chance, for rows of a pool, by chance, and compares every row of the answer with the one
that TensorFlow's Python gave before, in another process: other values in a row, or another log-probability than rounding makes, are
wrong, and the exit status is then 1. A draw within rounding of its threshold may fall either way in batches of other sizes, so rows
in which the reference itself differs between one row and all are left out of the pool.

Columns: rows in a request, requests answered, requests and rows in a second, milliseconds that half and 99 of 100 requests took at
most (to 1 in 100), wrong rows. All threads share the machine's cores with the session's own, so times are those under full load.

Memory is read when no request runs: after 10 seconds, or half of --seconds, and four times from then to the end. What is in use is what
has been allocated and not freed (`mallinfo2` of glibc 2.33 and later; small objects of Python are not in it, what glibc caches for each
thread is); the resident set also holds what glibc keeps of freed memory. It keeps some for each arena, which takes thousands of requests
to level off, so the threads share one arena. The exit status is 1 where what is in use grows by more than 100 bytes for each request, and
by more than a quarter of a MiB besides: a lost tensor is over 200 bytes, and a minute has thousands of requests.

It is not TF Serving, and has neither its batching nor its network: it is `tfar.testing.Session`, the session that the server is built on.
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
from numpy.random import default_rng  # here, because it does not load any more once TensorFlow's libraries are

from tfar.files import refuse_existing, write_text
from tfar.testing import Session, signatures

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
ENDPOINTS = ("log_prob", "sample")
M_ARENA_MAX = -8  # of glibc's mallopt
LOST, SLACK = 100, 2**18  # bytes: of a request that are not freed, at least; and what may grow besides, in caches
TOLERANCE = {"rtol": 1e-4, "atol": 1e-3}  # of real numbers
STEP = np.log(1.01)  # between the bins of a latency
HEADER = f"{'endpoint':10s} {'rows':>5s} {'requests':>9s} {'per s':>9s} {'rows/s':>9s} {'p50 ms':>9s} {'p99 ms':>9s} {'wrong':>6s}"


def reference(path, size):
    """What `path` answers to a pool of requests: names of tensors, {endpoint: inputs}, {endpoint: outputs}, rows left out.

    Runs in a process of its own, because it needs TensorFlow's Python.
    """
    import tensorflow as tf

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


def wrong_rows(found, expected):
    """Which rows of an answer differ, bool `[B]`."""
    rows = len(next(iter(expected.values())))
    wrong = np.full(rows, found.keys() != expected.keys())
    for name, value in expected.items():
        other = found.get(name)
        if other is None or other.shape != value.shape or other.dtype != value.dtype:
            return np.ones(rows, bool)
        differs = ~np.isclose(other, value, **TOLERANCE) if value.dtype.kind == "f" else other != value
        wrong |= differs.reshape(rows, -1).any(axis=1)
    return wrong


class Tally:
    """Latencies, counted in bins of 1 in 100 so that memory does not grow with them, and wrong rows."""

    def __init__(self):
        self.bins, self.wrong = np.zeros(3000, np.int64), 0

    def add(self, seconds, wrong):
        self.bins[np.clip(int(np.log(seconds / 1e-6) / STEP), 0, len(self.bins) - 1)] += 1
        self.wrong += wrong

    def quantile(self, share):
        """Milliseconds that this share of the requests took at most."""
        return 1e-3 * np.exp(STEP * (np.searchsorted(np.cumsum(self.bins), share * self.bins.sum()) + 1))


def work(session, requests, answers, sizes, seed, until):
    """What one thread does: {(endpoint, rows): Tally}."""
    generator, tallies = default_rng(seed), collections.defaultdict(Tally)
    pool = len(next(iter(answers["sample"].values())))
    while time.perf_counter() < until:
        endpoint, size = ENDPOINTS[generator.integers(2)], int(generator.choice(sizes))
        rows = generator.integers(pool, size=size)
        inputs = {name: value[rows] for name, value in requests[endpoint].items()}
        start = time.perf_counter()
        found = session.run(endpoint, inputs)
        seconds = time.perf_counter() - start
        wrong = wrong_rows(found, {name: value[rows] for name, value in answers[endpoint].items()})
        tallies[endpoint, size].add(seconds, int(wrong.sum()))
    return tallies


class MallInfo(ctypes.Structure):
    """glibc's `struct mallinfo2`."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    ]


def share_one_arena():
    """Have threads that begin from now on allocate from the arena of the first one.

    Raises:
        OSError: the C library has no such arenas.
    """
    if not ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1):
        raise OSError("the arenas of glibc are needed. Received: a C library that does not know M_ARENA_MAX")


def memory():
    """Bytes that are allocated in this process, and resident ones."""
    info = ctypes.CDLL(None).mallinfo2
    info.restype = MallInfo
    found = info()
    return found.uordblks + found.hblkhd, int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def leaks(readings):
    """Whether (requests so far, bytes in use) grow from the first to the last by more than `LOST` for each request and `SLACK`."""
    (first, before), (last, after) = readings[0], readings[-1]
    return after - before > LOST * (last - first) + SLACK


def load(session, requests, answers, options):
    """Lines of the table, the number of wrong rows, and whether memory leaks."""
    for endpoint in ENDPOINTS:  # what the first calls set up belongs to no time and no growth; a server does so when it loads a model
        for rows in options.batch:
            session.run(endpoint, {name: value[:1].repeat(rows, axis=0) for name, value in requests[endpoint].items()})
    began, warm = time.perf_counter(), min(10.0, options.seconds / 2)
    parts = [warm, *[(options.seconds - warm) / 4] * 4]
    found, readings, told = {(endpoint, rows): Tally() for endpoint in ENDPOINTS for rows in options.batch}, [], []
    with concurrent.futures.ThreadPoolExecutor(options.threads) as threads:
        for part, seconds in enumerate(parts):
            arguments = session, requests, answers, options.batch
            until = time.perf_counter() + seconds
            running = [threads.submit(work, *arguments, [part, thread], until) for thread in range(options.threads)]
            for key, tally in (item for future in running for item in future.result().items()):
                found[key].bins += tally.bins
                found[key].wrong += tally.wrong
            count = int(sum(tally.bins.sum() for tally in found.values()))
            used, resident = memory()
            readings.append((count, used))
            passed, mib = time.perf_counter() - began, 2**20
            told.append(f"{passed:6.1f} s {count:8d} requests {used / mib:9.2f} MiB in use {resident / mib:9.2f} resident")
    lines = [HEADER]
    for (endpoint, rows), tally in sorted(found.items()):
        count = tally.bins.sum()
        times = f"{tally.quantile(0.5):9.2f} {tally.quantile(0.99):9.2f}"
        lines.append(f"{endpoint:10s} {rows:5d} {count:9d} {count / passed:9.1f} {count * rows / passed:9.0f} {times} {tally.wrong:6d}")
    (first, before), (last, after) = readings[0], readings[-1]
    told.append(f"{(after - before) / max(1, last - first):.1f} bytes in use for each request since the first of these lines")
    return [*lines, "memory", *told], sum(tally.wrong for tally in found.values()), leaks(readings)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="folder of a SavedModel")
    parser.add_argument("--seconds", type=float, default=60.0, help="(default: 60)")
    parser.add_argument("--threads", type=int, default=8, help="that ask at the same time (default: 8)")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8, 32], help="rows in a request (default: 1 8 32)")
    parser.add_argument("--pool", type=int, default=64, help="different rows (default: 64)")
    parser.add_argument("--out", metavar="FILE", help="write the table there too")
    options = parser.parse_args()
    out = None if options.out is None else refuse_existing(options.out)
    if not (options.path / "saved_model.pb").is_file():
        parser.error(f"the folder must have a saved_model.pb. Received: {options.path}")
    share_one_arena()
    memory()  # fails here where glibc is too old, and not after ten seconds
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
