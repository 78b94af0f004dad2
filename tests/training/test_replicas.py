"""Training on several replicas computes what one device does."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from support import replicas
from support.processes import ENVIRONMENT, REPLICAS

import tfar
from tfar import training

QUICK = ["made", "deepnade", "charrnn", "regularised"]


def same_on_two_devices(folder, names):
    command = [sys.executable, REPLICAS, "mirrored", folder, *names]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=540)
    assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [row["name"] for row in found] == names
    for row in found:
        assert row["losses"] < 1e-6 and row["weights"] < 1e-6, row
        assert row.get("resumed", 0) == 0, row


@pytest.mark.slow
def test_two_replicas_train_as_one_device(tmp_path):
    same_on_two_devices(tmp_path, QUICK)


@pytest.mark.slow
def test_two_replicas_train_other_families_as_one_device(tmp_path):
    same_on_two_devices(tmp_path, [name for name in replicas.cases() if name not in QUICK])


@pytest.mark.parametrize("jit", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_strategy_of_one_device_changes_nothing(jit):
    strategies = tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0"]), tf.distribute.OneDeviceStrategy("CPU:0")
    plain, *others = (replicas.trained("made", strategy, jit=jit) for strategy in strategies)
    for losses, weights in others:
        assert losses == plain[0]
        for one, other in zip(weights, plain[1], strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_model_made_outside_the_scope_is_refused():
    model = tfar.MADE([12], hidden_units=[4])
    with (
        tf.distribute.MirroredStrategy(["CPU:0"]).scope(),
        pytest.raises(ValueError, match="must be made in it. Received: a model made outside the scope of MirroredStrategy"),
    ):
        training.fit(model, *replicas.vectors(), epochs=1, jit=False)
