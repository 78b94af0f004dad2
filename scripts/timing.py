"""The timer of the benchmarks."""

import math
import time


def best(function, repeats=3, seconds=math.inf):
    """Return the least wall time of a call in seconds.

    Args:
        function: what is timed. It is called once before, untimed, to trace and compile.
        repeats: maximum number of timed calls.
        seconds: time after which no further call starts; at least one call is timed.
    """
    function()
    times, began = [], time.perf_counter()
    while not times or len(times) < repeats and time.perf_counter() - began < seconds:
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)
