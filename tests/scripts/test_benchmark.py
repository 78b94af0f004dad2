"""The benchmarks of speed: what they compare computes the same, and their pages show what they wrote."""

import benchmark
import numpy as np
import pytest
from speed import tfp


def test_both_give_the_same_log_prob():
    model, distribution, _ = tfp.twins(12, 20)
    x = np.random.default_rng(0).integers(0, 2, [16, 12]).astype("int32")
    scores = model.log_prob(x).numpy()
    np.testing.assert_allclose(scores, distribution.log_prob(x), rtol=1e-4)
    assert np.ptp(scores) > 1


def page(folder, group):
    path = folder / "page.md"
    path.write_text(f"before\n<!-- scripts/benchmark.py {group} begins -->\nold\n<!-- scripts/benchmark.py {group} ends -->\nafter")
    return path


def test_the_page_shows_the_file(tmp_path):
    shown = page(tmp_path, "tfp")
    words = ["--size", "4", "--units", "5", "--batch", "2", "--repeats", "1", "--results", str(tmp_path / "r.json"), "--page", str(shown)]
    benchmark.main(["tfp", *words])
    text = shown.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter") and "\nold\n" not in text
    assert sum(line.startswith(("| log_prob", "| sample", "| a training")) and "| 2 | " in line for line in text.splitlines()) == 4


def test_every_group_has_its_help(capsys):
    for group in benchmark.GROUPS:
        assert f"\n    {group} " in benchmark.__doc__
    with pytest.raises(SystemExit, match="GROUP must be one of calls, .*Received: all"):
        benchmark.main(["all"])
