"""`tfar train --init-from`: training that starts from a trained model."""

import json

import numpy as np
import pytest
from support import ROOT
from support.commands import TINY, fails, write_table

import tfar
from tfar.cli.main import main

SHIPPED = ROOT / "saved_models" / "made-digits"
ONE_STEP = ["--epochs", "1", "--epoch-steps", "1", "--no-jit", "--quiet", "--score-rows", "50"]
STILL = ["--learning-rate", "1e-12", "--ema", "0", "--weight-decay", "0"]  # a step that moves nothing but by rounding


def test_a_shipped_model_is_trained_further(tmp_path, capsys):
    words = ["train", "made", "--data", "digits", "--init-from", SHIPPED, *ONE_STEP]
    assert main([*words, "--freeze", "hidden_*", "direct", "--dropout", "0.25", "--out", tmp_path / "run"]) == 0
    start, run = tfar.load_run(SHIPPED).model, tfar.load_run(tmp_path / "run").model
    assert run.network.hidden_units == (2000,) and run.network.get_config()["dropout"] == 0.25
    changed = {
        weight.path.partition("/")[2]
        for weight, before in zip(run.weights, start.weights, strict=True)
        if not np.array_equal(weight, before)
    }
    assert changed == {"output/kernel", "output/bias"}
    assert {weight.path.partition("/")[2] for weight in run.trainable_variables} == {"output/kernel", "output/bias"}
    nll = json.loads((tmp_path / "run" / "metrics.json").read_text())["test"]["nll"]
    assert nll < 20  # the shipped model has 16.8 on all test rows, independent positions 24.2


def test_a_run_is_trained_further_on_new_rows_prepared_as_its_own(table, tmp_path):
    folder, _ = table
    own = tfar.load_run(folder)
    x = own.preparation.standardization.mean.ravel() + np.random.default_rng(1).normal(size=(80, 3)) * 100
    data = write_table(tmp_path / "new.csv", x[:, ::-1], ["c", "b", "a"])
    words = ["train", "made", "--data", data, "--init-from", folder, "--components", "2", *ONE_STEP, *STILL, "--out", tmp_path / "run"]
    assert main(words) == 0
    run = tfar.load_run(tmp_path / "run")
    assert run.preparation.columns == ("a", "b", "c")
    np.testing.assert_array_equal(run.preparation.standardization.mean, own.preparation.standardization.mean)
    np.testing.assert_allclose(run.own_units(run.data.test.x).std(axis=0), 100, rtol=0.7)
    rows = run.data.test.x
    np.testing.assert_allclose(run.model.log_prob(rows), own.model.log_prob(rows), rtol=1e-4)


@pytest.mark.slow
def test_a_text_model_is_trained_further_with_its_vocabulary(written, tmp_path, capsys):
    folder, _ = written
    (tmp_path / "new.txt").write_text("your boat row\n" * 60, encoding="utf-8")
    words = [
        "--init-from",
        folder,
        "--epochs",
        "1",
        "--epoch-steps",
        "1",
        "--sequence-length",
        "12",
        "--batch-size",
        "4",
        "--no-jit",
        "--quiet",
    ]
    words = ["train", "charrnn", *words, "--splits", "60", "20", "20"]
    assert main([*words, "--data", tmp_path / "new.txt", "--freeze", "lstm_*", "--out", tmp_path / "run"]) == 0
    start, run = tfar.load_run(folder).model, tfar.load_run(tmp_path / "run").model
    assert run.vocabulary == start.vocabulary and run.network.units == 24
    np.testing.assert_array_equal(run.weights[1], start.weights[1])  # of an LSTM
    (tmp_path / "new.txt").write_text("Zebra\n" * 60, encoding="utf-8")
    assert "must be one of the vocabulary" in fails(capsys, *words, "--data", tmp_path / "new.txt", "--out", tmp_path / "other")
    assert "its vocabulary is characters. Received: bytes" in fails(
        capsys, *words, "--vocabulary", "bytes", "--data", tmp_path / "new.txt", "--out", tmp_path / "other"
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["made", "--hidden-units", "30"], "made-digits hold, from which the training starts. Received: hidden_units was [2000], is [30]"),
        (["made", "--order", "reversed"], "order was natural, is reversed"),
        (["made", "--levels", "17"], "its levels is 2. Received: 17"),
        (["made", "--context", "label"], "its context is None. Received: label"),
        (["made", "--head", "categorical"], "its head is bernoulli. Received: categorical"),
        (["nade"], "must be a NADE, as 'nade' says. Received"),
        (["made", "--freeze", "first"], "which are direct, hidden_0, output. Received: 'first'"),
        (["made", "--freeze", "*"], "a layer must be left to train"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_what_contradicts_the_model_is_refused(words, told, tmp_path, capsys):
    words = ["train", *words, "--data", "digits", "--init-from", SHIPPED, "--out", tmp_path / "run", *TINY[2:]]
    assert told in fails(capsys, *words)
    assert not (tmp_path / "run").exists()


def test_what_is_no_start_is_refused(tmp_path, capsys):
    words = ["train", "made", "--data", "digits", "--out", tmp_path / "run"]
    assert "Received: --freeze output, without it" in fails(capsys, *words, "--freeze", "output")
    refused = fails(capsys, *words, "--init-from", tmp_path)
    assert "--init-from must be a folder that 'tfar train' or 'tfar export' wrote" in refused and f"Received: {tmp_path}" in refused
    (tmp_path / "new.csv").write_text("1,2\n3,4\n" * 20)
    words = ["train", "made", "--data", tmp_path / "new.csv", "--init-from", SHIPPED, "--out", tmp_path / "run"]
    assert "the event shape must be (8, 8, 1). Received: (2,)" in fails(capsys, *words)


@pytest.mark.slow
def test_values_that_are_the_models_own_are_no_contradiction(tmp_path):
    words = ["train", "made", "--data", "digits", "--init-from", SHIPPED, "--out", tmp_path / "run", *ONE_STEP, *STILL]
    assert main([*words, "--hidden-units", "2000", "--levels", "2", "--order", "natural", "--head", "bernoulli"]) == 0
    x = tfar.datasets.load("digits").test.x[:8]
    run = tfar.load_run(tmp_path / "run").model
    np.testing.assert_allclose(run.log_prob(x), tfar.load_model(SHIPPED).log_prob(x), rtol=1e-4)
