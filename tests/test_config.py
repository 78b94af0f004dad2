"""Every setting is stated once: in `tfar.config`, from which networks, constructors, commands and checkpoints have it."""

import dataclasses
import inspect
import subprocess
import sys
import types
from dataclasses import dataclass

import keras
import numpy as np
import pytest
from support import ROOT
from support.training import Kill, Killed, binary, logistic

import tfar
from tfar import config, heads, networks, training
from tfar.cli.arguments import values_of
from tfar.cli.main import parser
from tfar.training import loop
from tfar.training.checkpoints import Checkpoint

GROUPS = [
    *config.FAMILIES.values(),
    config.HeadSettings,
    config.DataSettings,
    config.TableSettings,
    config.TextSettings,
    config.Training,
    config.SequenceTraining,
    config.AfterTraining,
    config.Devices,
    config.Reporting,
]
OF_THE_DATA = {"event_shape", "params_size", "num_classes", "encoding"}  # arguments of a network that are no settings
OF_KERAS = {"dtype"}  # settings of every Keras layer
each_family = pytest.mark.parametrize("family", config.FAMILIES.values(), ids=config.FAMILIES)


def test_there_are_no_other_groups():
    found = {value for value in vars(config).values() if isinstance(value, type) and dataclasses.is_dataclass(value)}
    assert found >= set(GROUPS)
    assert all(issubclass(group, config.Family) and not hasattr(group, "name") for group in found - set(GROUPS))  # what families share


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_every_setting_has_a_line_of_help(group):
    assert config.settings_of(group)
    for name, field in config.settings_of(group).items():
        shown = field.metadata["shown"]
        assert shown.help and "\n" not in shown.help and not shown.help.endswith("."), name
        assert field.default is not dataclasses.MISSING, name


def test_heads_are_those_that_are_registered():
    ours = {name: head for name in heads.names() if vars(heads).get((head := heads.named(name)).__name__) is head}
    assert set(config.HEADS) == set(ours)
    known = {*config.settings_of(config.HeadSettings), "num_classes", "levels"}
    for name, facts in config.HEADS.items():
        arguments = inspect.signature(ours[name]).parameters
        assert facts.kinds == ours[name].kinds and set(facts.options) == set(arguments) <= known, name
        for option in set(facts.options) & set(config.settings_of(config.HeadSettings)):
            assert arguments[option].default == getattr(config.HeadSettings, option), (name, option)


def stated(network):
    """The arguments that a network's constructor states, with their defaults; and those that it takes, which its base classes may state."""
    own, taken = None, {}
    for of_class in network.__mro__:
        if "__init__" in vars(of_class):
            if not of_class.__module__.startswith("tfar."):
                break
            parameters = list(inspect.signature(of_class.__init__).parameters.values())[1:]
            named = {p.name: p.default for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
            own, taken = named if own is None else own, {**named, **taken}
            if not any(p.kind == p.VAR_KEYWORD for p in parameters):
                break
    return own, taken


@each_family
def test_settings_of_a_family_are_the_arguments_of_its_network(family):
    own, taken = stated(getattr(networks, family.__name__))
    settings = config.settings_of(family)
    assert set(own) - OF_THE_DATA <= set(settings) <= set(taken) | OF_KERAS
    for name in set(settings) - OF_KERAS:
        assert taken[name] == settings[name].default, name


@each_family
def test_settings_of_a_family_are_the_arguments_of_its_constructor(family):
    constructor = getattr(tfar, family.__name__)
    assert constructor is tfar.models.CONSTRUCTORS[family.name]
    arguments = inspect.signature(constructor).parameters
    settings = {name: p.default for name, p in arguments.items() if p.kind == p.KEYWORD_ONLY}
    assert settings == {name: field.default for name, field in config.settings_of(family).items()}
    assert list(arguments)[:2] == (["vocabulary", "length"] if family.data == "text" else ["event_shape", "head"])


@each_family
def test_settings_of_a_family_are_options_of_its_command(family):
    args = parser().parse_args(["train", family.name, "--data", "digits", "--out", "run"])
    shown = {name: field for name, field in config.settings_of(family).items() if field.metadata["shown"].command_line}
    assert values_of(args, family) == {n: None if field.metadata["shown"].automatic else field.default for n, field in shown.items()}
    trained = config.SequenceTraining if family.data == "text" else config.Training
    assert set(family.training) <= set(config.settings_of(trained))
    assert values_of(args, trained) == {name: field.default for name, field in config.settings_of(trained).items()}


def test_constructors_are_up_to_date():
    pytest.importorskip("ruff", reason="ruff, which formats the constructors, is not installed")
    script = ROOT / "scripts" / "generate_constructors.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True, kw_only=True)
class Louder(config.MADE):
    """MADE with one more setting."""

    loudness: int = config.setting(3, "how loud it is", "L")


class LouderNetwork(networks.MADE):
    """What `Louder` are the settings of."""

    def __init__(self, event_shape, params_size=1, *, loudness=3, **kwargs):
        super().__init__(event_shape, params_size, **kwargs)
        self.loudness = loudness

    def get_config(self):
        return {**super().get_config(), "loudness": self.loudness}


def test_a_new_setting_of_a_family_reaches_its_constructor_its_command_and_its_checkpoints(monkeypatch, tmp_path):
    import generate_constructors

    namespace = {**vars(tfar.models.families), "networks": types.SimpleNamespace(Louder=LouderNetwork)}
    exec(generate_constructors.constructor(Louder), namespace)
    assert namespace["Louder"]([4], loudness=5, hidden_units=[4]).network.loudness == 5
    assert namespace["Louder"]([4], hidden_units=[4]).network.loudness == 3
    assert "loudness: how loud it is." in namespace["Louder"].__doc__

    monkeypatch.setitem(config.FAMILIES, "made", Louder)
    args = parser().parse_args(["train", "made", "--data", "digits", "--out", "run", "--loudness", "7"])
    assert values_of(args, Louder)["loudness"] == 7

    monkeypatch.setattr(loop, "Checkpoint", lambda *args: Checkpoint(*args, every=0.0))

    def train(loudness, **options):
        model = namespace["Louder"]([6], hidden_units=[4], loudness=loudness)
        settings = config.Training(epochs=4, epoch_steps=10, jit=False)
        return training.fit(model, binary(), binary(seed=1), settings, checkpoint=tmp_path / "checkpoint.npz", **options)

    with pytest.raises(Killed):
        train(3, callbacks=[Kill(35)])
    with pytest.raises(ValueError, match="'loudness': 3.* is .*'loudness': 5"):
        train(5)
    assert train(3).epochs == 4


@dataclass(frozen=True, kw_only=True)
class Slower(config.Training):
    """Training with one more setting."""

    slowness: int = config.setting(1, "how slow it is", "S")


def test_a_new_setting_of_a_training_reaches_its_checkpoints(monkeypatch, tmp_path):
    monkeypatch.setattr(loop, "Checkpoint", lambda *args: Checkpoint(*args, every=0.0))

    def train(slowness, **options):
        keras.utils.set_random_seed(1)
        settings = Slower(epochs=4, epoch_steps=10, jit=False, slowness=slowness)
        return training.fit(logistic(), binary(), binary(seed=1), settings, checkpoint=tmp_path / "checkpoint.npz", **options)

    with pytest.raises(Killed):
        train(1, callbacks=[Kill(35)])
    with pytest.raises(ValueError, match="slowness was 1, is 2"):
        train(2)
    assert train(1).epochs == 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("batch_size", 2.5),
        ("epoch_steps", 0),
        ("patience", -1),
        ("learning_rate", np.inf),
        ("schedule", "linear"),
        ("weight_decay", np.nan),
        ("l2", -1.0),
        ("ema", 1.0),
        ("clip", 0),
        ("sequence_length", 0),
    ],
)
def test_settings_that_are_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} must be .*Received: .*{name}={value!r}"):
        config.SequenceTraining(**{name: value})
