"""The rules of automatic settings: pure functions of the family and of what is known of the rows."""

import dataclasses
import subprocess
import sys
from dataclasses import dataclass

import pytest
from support import ROOT

from tfar import automatic, config
from tfar.automatic import Facts, choose, resolved

ROWS = [1, 2, 9, 40, 200, 400, 1400, 2000, 5000, 15_000, 50_000, 1_000_000]
KINDS = ("binary", "categorical", "continuous", "table", "text")
VECTORS = [family for family in config.FAMILIES.values() if family.data == "vectors"]
each_family = pytest.mark.parametrize("family", config.FAMILIES.values(), ids=config.FAMILIES)
each_vectors = pytest.mark.parametrize("family", VECTORS, ids=lambda family: family.name)


@each_family
@pytest.mark.parametrize("kind", KINDS)
def test_every_choice_is_a_valid_training_of_any_number_of_rows(family, kind):
    names = {n for group in (family, config.Training) for n, f in config.settings_of(group).items() if f.metadata["shown"].automatic}
    for rows in [0, *ROWS]:
        chosen = choose(family, Facts(rows, 100, kind))
        assert set(chosen) == names
        assert {name for name, value in chosen.items() if value is None} <= {"epoch_steps", "jit"}
        config.Training(**{name: chosen[name] for name in config.settings_of(config.Training) if name in chosen})  # or it raises
        assert 0 <= chosen.get("dropout", 0) < 1


@each_vectors
@pytest.mark.parametrize("columns", [3, 1000])
def test_more_rows_have_less_shrinkage_more_units_and_longer_epochs(family, columns):
    choices = [choose(family, Facts(rows, columns, "binary")) for rows in ROWS]
    for name in ("dropout", "l2", "weight_decay"):
        values = [chosen.get(name, 0) for chosen in choices]
        assert values == sorted(values, reverse=True), name
    for name in ("hidden_units", "batch_size", "epoch_steps"):
        values = [chosen[name] for chosen in choices if name in chosen]
        assert values == sorted(values), name
    steps = [chosen["epochs"] * chosen["epoch_steps"] for chosen in choices]
    assert all(later >= 0.97 * earlier for earlier, later in zip(steps, steps[1:], strict=False))  # epochs are whole


@each_vectors
def test_few_rows_are_validated_after_fewer_than_100_steps(family):
    chosen = choose(family, Facts(400, 500, "binary"))
    assert chosen["epoch_steps"] < 100 and chosen["batch_size"] < 100


def test_a_batch_of_one_pass_is_no_larger_than_an_epoch():
    for rows in ROWS:
        chosen = choose(config.MADE, Facts(rows, 10, "binary"))
        assert chosen["epoch_steps"] >= rows // chosen["batch_size"]


def test_real_values_decay_where_classes_have_a_penalty():
    for family in VECTORS:
        classes, reals = (choose(family, Facts(1000, 10, kind)) for kind in ("binary", "continuous"))
        assert reals["l2"] == 0 < reals["weight_decay"], family
        assert family is config.RNADE or classes["l2"] > 0 == classes["weight_decay"], family


def test_images_texts_and_tables_do_not_depend_on_the_rows():
    cases = [(config.PixelCNN, "binary"), (config.CharRNN, "text"), (config.MADE, "table"), (config.Family, "continuous")]
    for family, kind in cases:
        assert choose(family, Facts(50, 10, kind)) == choose(family, Facts(100_000, 10, kind))
    assert choose(config.PixelCNN, Facts(50, 10, "binary"))["batch_size"] == config.PixelCNN.training["batch_size"]
    assert choose(config.MADE, Facts(50, 10, "table"))["hidden_units"] == config.MADE.tables["hidden_units"]


@dataclass(frozen=True, kw_only=True)
class Wider(config.MADE):
    """A family of a user's own, made from another."""

    loudness: float = config.setting(0.5, "how loud it is", "L", automatic=True)


def test_a_family_has_the_rule_of_its_base_class_and_defaults_beside_it():
    facts = Facts(300, 20, "binary")
    assert choose(Wider, facts) == {**choose(config.MADE, facts), "loudness": 0.5}


def test_what_is_given_by_hand_wins():
    given = config.Training(l2=0.0, epochs=3, schedule="constant")
    found = resolved(given, config.NADE, Facts(300, 20, "binary"))
    assert (found.l2, found.epochs, found.schedule) == (0.0, 3, "constant")
    assert None not in {value for name, value in dataclasses.asdict(found).items() if name != "jit"}
    text = resolved(config.SequenceTraining(), config.CharRNN, Facts(300, 20, "text"))
    assert isinstance(text, config.SequenceTraining) and text.batch_size == 64 and text.clip == 1.0


def test_the_rules_need_no_tensorflow():
    code = "import sys, tfar.automatic; sys.exit(any(name.split('.')[0] in ('tensorflow', 'keras', 'numpy') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_a_head_is_the_first_that_fits():
    assert automatic.head_name("continuous") == "normal_mixture"
    with pytest.raises(ValueError, match="the head of binary data must be one of bernoulli, categorical. Received: --head normal"):
        automatic.head_name("binary", "normal")
