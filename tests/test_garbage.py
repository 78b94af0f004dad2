"""Garbage for every argument of the public callables: tfar refuses it in words, and no exception comes from deep inside TensorFlow."""

import math
import time

import numpy as np
import pytest
from support.callables import GROUPS, of_heads, of_layers, of_networks
from support.garbage import FEW, Case, probe

from tfar import heads, networks


def test_the_driver_finds_what_it_looks_for():
    def careless(number: int = 0, flag: bool = True, size: float = 1.0):
        assert size > 0
        return [number] * 3 if flag else math.sqrt(number)

    count, faults = probe({"careless": Case(careless, {"number": 4})}, [None, "a", -1])
    assert count == 9 and [fault.partition(":")[0] for fault in faults] == [
        "careless(number=None)",  # accepted, though it is no integer
        "careless(number='a')",
        "careless(flag=None)",
        "careless(flag='a')",
        "careless(flag=-1)",
        "careless(size=None)",  # compared before it is checked
        "careless(size='a')",
        "careless(size=-1)",  # refused, but not in words
    ]
    assert ": swallowed: " in faults[0] and ": deep: TypeError" in faults[5] and ": deep: AssertionError" in faults[7]


def test_what_hangs_is_found(monkeypatch):
    monkeypatch.setattr("support.garbage.SECONDS", 1)
    _, faults = probe({"sleep": Case(lambda seconds: time.sleep(seconds), {"seconds": 0})}, [100])
    assert faults == ["sleep(seconds=100): deep: it hangs"]


def test_every_network_and_head_is_probed():
    probed = {case.call for group in (of_networks, of_heads) for case in group().values()}
    assert {getattr(networks, name) for name in networks.__all__} - probed == {
        getattr(networks, name)
        for name in ("AutoregressiveNetwork", "ImageNetwork", "OrderAgnostic", "SequenceNetwork")  # abstract
    }
    assert {heads.Categorical, heads.Normal, heads.NormalMixture, heads.DiscretizedLogisticMixture} <= probed


@pytest.mark.parametrize("group", [of_heads, of_layers, of_networks])
def test_garbage_is_refused_in_words(group):
    count, faults = probe(group(), FEW)
    assert count > 100 and not faults, "\n".join(faults[:20])


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS)
def test_all_garbage_is_refused_in_words(group, capsys):
    count, faults = probe(group())
    with capsys.disabled():
        print(f"\n{group.__name__}: {count} probes, {len(faults)} faults")
    assert not faults, "\n".join(faults[:20])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: networks.MADE([3], direct="False"), "direct must be True or False. Received: direct='False'"),
        (lambda: networks.MADE([3], num_masks=10**12), "num_masks must be an integer of at most 65536"),
        (lambda: networks.MADE([3], hidden_units=[10**15]), "hidden_units must be integers of at most 16777216"),
        (lambda: networks.MADE([3], dropout=None), r"dropout must be a number in \[0, 1\). Received: dropout=None"),
        (lambda: networks.MADE([3], seed=-1), "seed must be an integer of at least 0"),
        (lambda: networks.MADE([3], order=[]), r"order must be .*Received: order=\[\]"),
        (lambda: networks.NADEK([3], num_steps=10**12), "num_steps must be an integer of at most 1024"),
        (lambda: networks.NADE([3], activation="none"), "activation must be one that Keras knows"),
        (lambda: networks.NADE([3], kernel_initializer=3), "kernel_initializer must be one that Keras knows"),
        (lambda: heads.Normal(min_scale="a"), r"min_scale must be a number in \(0, inf\). Received: min_scale='a'"),
        (lambda: heads.Normal(min_scale=math.nan), "Received: min_scale=nan"),
        (lambda: networks.PixelCNN([3, 3, 1], kernel_size=10**6 + 1), "kernel_size must be an integer of at most 256"),
        (lambda: networks.RNADE([3], params_size=3, means_range="a"), "means_range must be real numbers. Received: means_range='a'"),
        (lambda: networks.NADEK([3], data_mean=np.array([])), "data_mean must be real numbers"),
        (lambda: networks.NADE([3], encoding=3), "encoding must be a Encoding. Received: encoding=3"),
    ],
)
def test_the_message_names_the_argument(make, message):
    with pytest.raises(ValueError, match=message):
        make()
