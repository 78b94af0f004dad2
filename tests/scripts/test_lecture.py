"""docs/lecture.md and `scripts/lecture.py`: the page's lines run, its figures are the files', and sections measure what they say."""

import doctest
import importlib
import itertools
import json
import re

import lecture
import numpy as np
import pytest
from slides import chain, claims, colour, factors, logistic, made, nadek, page, pixels, protocol, rnade, rnn, seconds
from support import ROOT

import tfar

PAGE = ROOT / "docs" / "lecture.md"
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
MEASURED = json.loads((ROOT / "results" / "lecture.json").read_text(encoding="utf-8"))


class Training:
    """A model whose training a callback can end."""

    stop_training = False


@pytest.fixture
def folders(tmp_path):
    """A Lecture with empty folders."""
    return protocol.Lecture(tmp_path, tmp_path)


def test_the_lines_of_the_page_run(monkeypatch):
    monkeypatch.chdir(ROOT)
    text = "\n".join(BLOCK.findall(PAGE.read_text(encoding="utf-8")))
    test = doctest.DocTestParser().get_doctest(text, {}, "lecture.md", str(PAGE), 0)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(test)
    assert runner.tries > 20 and not runner.failures


@pytest.mark.parametrize("module", [colour, factors, protocol, rnade, rnn, seconds], ids=lambda module: module.__name__)
def test_examples_of_sections_hold(module):
    found = doctest.testmod(module)
    assert found.attempted and not found.failed


def test_the_figures_of_the_page_are_those_of_the_files():
    text = PAGE.read_text(encoding="utf-8")
    assert page.rendered(text, MEASURED) == text
    assert set(MEASURED) - {"test_looks"} == {*lecture.SECTIONS, "seconds"}
    shown = {(section, name) for _, section, name, _ in page.REGION.findall(text)}
    for section in set(MEASURED) - {"test_looks"}:
        regions = importlib.import_module(f"slides.{section}").regions(MEASURED[section])
        assert {(section, name) for name in regions} == {region for region in shown if region[0] == section}
    other = json.loads(json.dumps(MEASURED))
    other["chain"]["example"]["sum"] = 0.5
    assert "sum to 0.500000" in page.rendered(text, other)


def test_passes_are_not_counted_of_networks_whose_score_is_passes():
    rows = [line.strip("| ").split(" | ") for line in claims.regions(MEASURED["claims"])["cost"].splitlines()[2:]]
    assert {row[0] for row in rows if len(row) < 7} == set(claims.ORDER_AGNOSTIC)


def test_a_region_that_no_section_renders_is_refused():
    with pytest.raises(ValueError, match="a region of chain must be one of product, sums, steps. Received: sum"):
        page.rendered("<!-- lecture: chain sum -->\n<!-- lecture: end -->", MEASURED)


def test_the_page_shows_every_picture():
    text = PAGE.read_text(encoding="utf-8")
    shown = set(re.findall(r"\(pictures/(lecture-[\w-]+\.png)\)", text))
    assert shown == {path.name for path in (ROOT / "docs" / "pictures").glob("lecture-*.png")}


def test_every_section_is_in_the_page():
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"<!-- lecture: {section} " in text for section in lecture.SECTIONS)


# What a user may get wrong


def test_an_unknown_section_is_refused(capsys):
    with pytest.raises(SystemExit):
        lecture.main(["pixel"])
    error = capsys.readouterr().err.splitlines()[-1]
    assert "SECTION must be one of chain, " in error and error.endswith("Received: pixel")


def run(tmp_path, *words):
    (tmp_path / "page.md").write_text("")
    return lecture.main([*words, "--results", str(tmp_path), "--pictures", str(tmp_path), "--page", str(tmp_path / "page.md")])


@pytest.mark.parametrize(
    ("missing", "words", "told"),
    [
        ("saved_models", ["nadek"], "'tfar reproduce nadek' trains"),
        ("trainings", ["rnn"], "'python scripts/lecture.py rnn --train' trains"),
    ],
)
def test_what_is_missing_is_told_in_one_line(missing, words, told, tmp_path, monkeypatch, capsys):
    protocol.shipped.cache_clear()
    if missing == "saved_models":
        monkeypatch.setattr(protocol, "ROOT", tmp_path)
    else:
        monkeypatch.setattr(rnn, "hello", lambda: MEASURED["rnn"]["hello"])
    assert run(tmp_path, *words) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("lecture: error: ") and told in error
    protocol.shipped.cache_clear()


def test_data_and_results_that_are_missing_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with pytest.raises(ValueError, match="needs the data binarized_mnist, prepared in TFDS_DATA_DIR"):
        protocol.data.__wrapped__("binarized_mnist")
    monkeypatch.setattr(protocol, "ROOT", tmp_path)
    with pytest.raises(FileNotFoundError, match="needs results/made.json, which 'tfar reproduce made' writes"):
        protocol.result_of("made")


def test_a_section_is_measured_once_and_again(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(chain, "example", lambda: calls.append(1) or MEASURED["chain"]["example"])
    for words in (["chain"], ["chain"], ["chain", "--again"]):
        assert run(tmp_path, *words) == 0
    assert len(calls) == 2 and (tmp_path / "lecture-chain.png").stat().st_size > 1000


def test_the_time_of_a_section_is_kept_where_it_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(chain, "example", lambda: MEASURED["chain"]["example"])
    for words, kinds in ((["chain"], None), (["chain", "--time"], {"drawn"}), (["chain", "--again", "--time"], {"drawn", "measured"})):
        assert run(tmp_path, *words) == 0
        kept = json.loads((tmp_path / "lecture.json").read_text()).get("seconds")
        assert kept is None if kinds is None else set(kept["chain"]) == kinds


def test_trainings_are_kept_where_figures_are_forgotten(tmp_path):
    training = protocol.Lecture(tmp_path, tmp_path, train=True)
    training.training("rnn", "a", {"units": 2}, lambda: {"accuracy": 1.0}, 1)
    kept = protocol.Lecture(tmp_path, tmp_path)
    kept.part("rnn", "hello", {}, lambda: {"a": 1})
    kept.forget("rnn")
    assert kept.training("rnn", "a", {"units": 2}, None, 1)["accuracy"] == 1.0 and "rnn" not in kept.measured.read()
    with pytest.raises(ValueError, match="must hold the figures of rnn a"):
        kept.training("rnn", "a", {"units": 3}, None, 1)


# What the sections measure


def test_the_chain_rule_by_hand_is_the_models(folders):
    found = chain.example()
    assert found["by_hand"] == pytest.approx(found["by_position_log_prob"], rel=1e-5) and found["sum"] == pytest.approx(1, rel=1e-5)
    assert [step["value"] for step in found["steps"]] == found["sampled"]
    before = [step["value"] for step in found["steps"][:3]]
    assert found["tree"]["".join(map(str, before))] == pytest.approx(found["steps"][3]["one"], rel=1e-5)


def test_sizes_are_those_of_the_formula():
    for size, part in logistic.sizes()["of"]:
        assert part["effective"] == part["formula"] == len(list(itertools.combinations(range(size), 2))) + size
        assert part["stored"] == size**2 + size


def test_each_step_of_em_gains():
    random = np.random.default_rng(0)
    x = np.concatenate([random.normal(size=[60, 4]) @ random.normal(size=[4, 4]), random.normal(3, 0.5, [40, 4])])
    scores = [factors.fit(x, 3, 2, 1e-4, rounds=rounds, tolerance=-np.inf).log_prob(x).mean() for rounds in range(12)]
    assert np.all(np.diff(scores) > -1e-4) and scores[-1] > scores[0] + 0.5  # the pseudo-count of a component costs little


def test_one_component_of_all_factors_is_the_normal():
    random = np.random.default_rng(1)
    x, test = (random.normal(size=[rows, 3]) @ np.triu(np.ones([3, 3])) for rows in (500, 50))
    fitted = factors.fit(x, 1, 3, 1e-6, rounds=3000, tolerance=1e-9)
    assert fitted.log_prob(test).mean() == pytest.approx(rnade.normal_log_prob(x, test), abs=0.02)


def test_linear_conditionals_are_the_normal():
    random = np.random.default_rng(2)
    x, test = (random.normal(size=[rows, 4]) @ random.normal(size=[4, 4]) for rows in (60, 20))
    assert rnade.linear_log_prob(x, test) == pytest.approx(rnade.normal_log_prob(x, test), rel=1e-10)


def test_mixtures_are_densities():
    mixture = factors.Mixture(np.array([0.3, 0.7]), np.array([[0.0], [2.0]]), np.array([[[0.5]], [[1.0]]]), np.array([[0.2], [0.1]]))
    grid = np.linspace(-12, 12, 4001)
    assert np.exp(mixture.log_prob(grid[:, None])).sum() * (grid[1] - grid[0]) == pytest.approx(1, abs=1e-6)


def test_p_values_are_those_of_students_table():
    t = 2.262157  # the two-sided critical value of level 0.05 at 9 degrees of freedom
    values = np.array([1.0, -1.0] * 5)
    for factor, level in ((1.0, 0.05), (3.249836 / t, 0.01)):
        shift = factor * t * values.std(ddof=1) / 10**0.5
        assert rnade.p_value(values + shift) == pytest.approx(level, rel=1e-4)


def test_steps_of_nade_k_end_where_the_network_does():
    model = tfar.NADEK([2, 2, 1], hidden_units=[8], num_steps=3, activation="tanh")
    tfar.testing.randomize(model.network, seed=2)
    x, observed = np.array([[[1, 0], [1, 1]], [[0, 0], [0, 1]]])[..., None], np.array([[True, False], [True, True]])[..., None]
    steps = nadek.inferred(model, x, observed)
    one = np.where(np.arange(4).reshape(2, 2, 1) == 1, 1, x)
    expected = np.exp(model.conditional_log_prob(one, np.broadcast_to(observed, x.shape)).numpy())
    np.testing.assert_allclose(steps[-1][:, 0, 1], expected, rtol=1e-5)
    assert len(steps) == 4 and np.all(steps[:, :, 1] == x[None, :, 1, :, 0])


def test_sequences_end_with_their_first_symbol():
    x = rnn.sequences(np.random.default_rng(0), 50, 7)
    assert x.shape == (50, 8) and (x[:, 0] == x[:, -1]).all() and (x[:, 1:-2] == rnn.FILLER).all() and (x[:, -2] == rnn.CUE).all()
    assert set(x[:, 0]) == set(range(rnn.SYMBOLS))


@pytest.mark.slow
def test_fields_of_small_networks(monkeypatch):
    monkeypatch.setattr(pixels, "SIDE", 5)
    monkeypatch.setattr(pixels, "TARGET", (2, 2))
    found = {name: pixels.field(name) for name in ("PixelCNN", "Gated PixelCNN")}
    for part in found.values():
        assert part["pairs"] == part["found"] and not part["outside"]
    assert found["PixelCNN"]["field"][1][4] == 0 and found["Gated PixelCNN"]["field"][1][4] == 1  # the blind spot
    assert all(np.array(part["field"])[2, 2:].sum() == 0 for part in found.values())


def test_nearest_rows_are_found():
    among = np.array([[0, 0], [1, 1], [1, 0]])[..., None]
    np.testing.assert_array_equal(made.nearest(np.array([[1, 0], [0, 0]])[..., None], among), among[[2, 0]])


def test_the_probe_reads_what_is_linear(monkeypatch):
    for name, count in (("TRAINED", 400), ("CHOOSING", 100), ("TESTED", 200)):
        monkeypatch.setattr(claims, name, count)
    random = np.random.default_rng(0)
    labels = random.integers(10, size=700)
    values = np.eye(10)[labels] @ random.normal(size=[10, 30]) + 0.1 * random.normal(size=[700, 30])
    assert claims.accuracy(values, labels) > 0.99
    assert claims.accuracy(random.normal(size=[700, 30]), labels) < 0.25  # chance: 0.1, with a standard error of 0.02


def test_a_budget_ends_a_training_and_the_first_epoch_counts_as_the_second(monkeypatch):
    clock, times = claims.Clock(), iter([100.0, 103.0, 105.0, 126.0])  # the first epoch compiles
    monkeypatch.setattr(claims.time, "process_time", lambda: next(times))
    monkeypatch.setattr(claims, "BUDGET", 20)
    clock.set_model(Training())
    clock.on_train_begin()
    for epoch in range(4):
        assert not clock.model.stop_training
        clock.on_epoch_end(epoch)
    assert clock.seconds == [3.0, 6.0, 8.0, 29.0] and clock.model.stop_training


def test_independent_values_take_the_entropy_of_their_colours():
    random = np.random.default_rng(0)
    x = np.stack([random.integers(2**bits, size=[400, 16, 16]) for bits in (1, 3, 5)], axis=-1).astype(np.uint8)
    assert colour.independent_bits(x, x) == pytest.approx(3, abs=0.02)  # 9 bits for three colours; smoothing costs 0.006


def test_the_data_of_a_png_file_are_its_pixels():
    content = colour.png(np.random.default_rng(0).integers(256, size=[16, 16, 3], dtype=np.uint8))
    headers = 8 + (12 + 13) + 12 + 12  # the signature, and the chunks IHDR, IDAT and IEND around their data
    assert colour.image_data(content) == len(content) - headers


def test_what_colour_lacks_is_told_in_one_line(tmp_path, monkeypatch, folders):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="needs photographs.npz, which 'python scripts/make_photographs.py photographs.npz' writes"):
        colour.photographs()
    with pytest.raises(
        FileNotFoundError, match=r"needs lecture-colour.npz with samples of gated_pixelcnn-photographs-logistic.*'tfar reproduce' trains"
    ):
        colour.drawn(folders)
    np.savez(tmp_path / "lecture-colour.npz", test=np.zeros(1))
    with pytest.raises(FileNotFoundError, match="with samples of"):
        colour.drawn(folders)


def test_a_completion_keeps_the_upper_half():
    model = tfar.GatedPixelCNN([4, 4, 3], head=tfar.heads.Categorical(256), filters=3, num_layers=2)
    x = np.random.default_rng(0).integers(256, size=[2, 4, 4, 3], dtype=np.uint8)
    rows = colour.completed(model, x).reshape(2, colour.DRAWS + 2, 4, 4, 3)
    assert (
        (rows[:, :, :2] == x[:, None, :2]).all() and (rows[:, -1] == x).all() and len(np.unique(rows[:, 0, 2:].reshape(-1, 3), axis=0)) == 1
    )
    assert (rows[:, 1:-1, 2:] != x[:, None, 2:]).any()
