"""What the benchmarks time with."""

import math
import time


def best(function, repeats=3, seconds=math.inf):
    """Least wall time of a call in seconds, after one call that traces and compiles; at least once, and while `seconds` last."""
    function()
    times, began = [], time.perf_counter()
    while not times or len(times) < repeats and time.perf_counter() - began < seconds:
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)
