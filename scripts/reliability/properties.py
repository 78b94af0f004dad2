"""Random models, each held against the contract (`tests/support/properties.py`), in one process whose memory stays flat."""

import collections
import gc
import logging
import resource
import time

import tensorflow as tf
from hypothesis import HealthCheck, Phase, given, seed, settings
from support import properties

from reliability import record

MODELS = 10  # of one seed of hypothesis, which draws the first of them as simple as can be; the next seed is of the next family
MORE = 19  # times that each is given other weights, samples and patterns


def run(count, folder):
    """Go on with the models until `count` cases are recorded."""
    tf.get_logger().setLevel(logging.CRITICAL)  # eagerly it speaks of each TensorArray that a loop leaves
    gc.freeze()  # what is imported stays, and is not looked through again
    empty = {"models": 0, "place": 0, "cases": 0, "tried": {}, "families": {}, "faults": [], "seconds": 0.0, "megabytes": []}
    found = {**empty, **record.read().get("properties", {})}
    while found["cases"] < count:
        of_seed(found, count)


def of_seed(found, count):
    """Try the rest of the models of one seed."""
    number, before = divmod(found["place"], MODELS)
    passed, family = iter(range(MODELS)), list(properties.SETTINGS)[number % len(properties.SETTINGS)]

    @seed(number)
    @settings(max_examples=MODELS, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(properties.drawn((family,)))
    def each(drawn):
        if next(passed, MODELS) >= before and found["cases"] < count:
            of_model(found, drawn)

    each()
    if found["cases"] < count:
        found["place"] = (number + 1) * MODELS  # hypothesis may draw fewer than it is asked for


def of_model(found, drawn):
    """Try one model, and record it."""
    began = time.process_time()
    tried = collections.Counter(found["tried"])
    for case, fault in properties.cases(drawn, MORE):
        tried.update(properties.properties_of(case))
        found["cases"] += 1
        if fault:
            found["faults"].append({"case": repr(case), "fault": str(fault)[:600]})
            print(f"{case}\n    {str(fault)[:600]}", flush=True)
    gc.collect()
    found["models"], found["place"] = found["models"] + 1, found["place"] + 1
    tried.update((properties.CONFIGURATION, properties.GRAPH))
    found["tried"] = dict(tried)
    found["families"][drawn.family] = found["families"].get(drawn.family, 0) + 1
    found["seconds"] = round(found["seconds"] + time.process_time() - began, 1)
    if found["models"] % 10 == 0:
        found["megabytes"].append(round(resident()))
    record.update("properties", found)
    print(f"{found['cases']} cases of {found['models']} models, {len(found['faults'])} faults, {found['seconds']} s", flush=True)


def resident():
    """Megabytes that this process holds now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6
