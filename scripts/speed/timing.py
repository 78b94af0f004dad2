"""The timers of the benchmarks, and where their figures go."""

import json
import math
import statistics
import time
from pathlib import Path

from marks import rewritten

from tfar.files import write_text

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "performance.md"


def times(function, repeats, seconds=math.inf):
    """The wall times of calls in seconds; the first one, which traces and compiles, is apart.

    Args:
        function: what is timed.
        repeats: maximum number of calls after the first.
        seconds: time after which no further call starts; at least one is timed.
    """
    began = time.perf_counter()
    function()
    first, found, began = time.perf_counter() - began, [], time.perf_counter()
    while not found or (len(found) < repeats and time.perf_counter() - began < seconds):
        start = time.perf_counter()
        function()
        found.append(time.perf_counter() - start)
    return first, found


def best(function, repeats=3, seconds=math.inf):
    """The least wall time of a call in seconds, after a first one."""
    return min(times(function, repeats, seconds)[1])


def median(function, repeats, seconds=20.0):
    """The median time of a call in milliseconds, after a first one, and that of the first."""
    first, found = times(function, repeats, seconds)
    return 1e3 * statistics.median(found), 1e3 * first


def keep(found, path, page, group, table):
    """Write figures as JSON, and their table between the marks of a group on a page."""
    write_text(path, json.dumps(found, indent=2) + "\n", overwrite=True)
    text = rewritten(page.read_text(encoding="utf-8"), f"scripts/benchmark.py {group}", table)
    write_text(page, text, overwrite=True)
