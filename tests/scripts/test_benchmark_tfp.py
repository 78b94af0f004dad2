"""tfar and TFP score the same with the same weights, which the benchmark of both relies on."""

import benchmark_tfp
import numpy as np


def test_both_give_the_same_log_prob():
    model, distribution, _ = benchmark_tfp.twins(12, 20)
    x = np.random.default_rng(0).integers(0, 2, [16, 12]).astype("int32")
    scores = model.log_prob(x).numpy()
    np.testing.assert_allclose(scores, distribution.log_prob(x), rtol=1e-4)
    assert np.ptp(scores) > 1


def test_the_page_shows_the_file(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{benchmark_tfp.BEGIN}\nold\n{benchmark_tfp.END}\nafter")
    words = ["benchmark_tfp", "--size", "4", "--units", "5", "--batch", "2", "--repeats", "1", "--results", str(tmp_path / "r.json")]
    monkeypatch.setattr("sys.argv", [*words, "--page", str(page)])
    benchmark_tfp.main()
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter") and "\nold\n" not in text
    assert sum(line.startswith(("| log_prob", "| sample", "| a training")) and "| 2 | " in line for line in text.splitlines()) == 4
