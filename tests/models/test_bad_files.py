"""`tfar.load_model` of files that are cut short, tampered with, or made to fill the memory: one line that names the file."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

import tfar
from tfar import reading


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    """The members of the file of a small model."""
    path = tmp_path_factory.mktemp("model") / "made.keras"
    tfar.MADE([3], hidden_units=[4]).save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def refused(path):
    with pytest.raises(ValueError, match=f"Received: {path}") as error:
        tfar.load_model(path)
    assert "\n" not in str(error.value) and len(str(error.value)) < 800
    return str(error.value)


def datasets_of(file):
    found = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return found


def with_weights(members, change):
    """The members with weights that were changed by `change(file, name)` for each of them."""
    content = io.BytesIO(members["model.weights.h5"])
    with h5py.File(content, "r+") as file:
        for name in datasets_of(file):
            change(file, name)
    return {**members, "model.weights.h5": content.getvalue()}


def test_the_file_itself_is_read(tmp_path, members):
    assert tfar.load_model(written(tmp_path / "a.keras", members)).event_shape == (3,)


@pytest.mark.parametrize("keep", [0, 10, 500, -40])
def test_a_file_that_is_cut_short(tmp_path, members, keep):
    whole = written(tmp_path / "a.keras", members).read_bytes()
    (tmp_path / "a.keras").write_bytes(whole[:keep])
    assert "must be a .keras file of a tfar model" in refused(tmp_path / "a.keras")


def test_files_of_other_kinds(tmp_path, members):
    (tmp_path / "a.keras").write_text("a text")
    refused(tmp_path / "a.keras")
    (tmp_path / "b.keras").write_bytes(members["model.weights.h5"])  # which Keras would read as a file of Keras 2
    refused(tmp_path / "b.keras")
    for name in ("config.json", "model.weights.h5"):
        refused(written(tmp_path / "c.keras", {key: value for key, value in members.items() if key != name}))


def changed_config(members, **changes):
    config = json.loads(members["config.json"])
    config["config"]["network"]["config"].update(changes)
    return {**members, "config.json": json.dumps(config)}


@pytest.mark.parametrize("changes", [{"hidden_units": [10**15]}, {"event_shape": "x"}, {"num_masks": 10**12}, {"seed": -1}, {"extra": 1}])
def test_a_configuration_that_was_tampered_with(tmp_path, members, changes):
    assert str(*changes) in refused(written(tmp_path / "a.keras", changed_config(members, **changes)))


def test_a_configuration_of_a_class_that_is_not_there(tmp_path, members):
    content = members["config.json"].replace(b'"MADE"', b'"OTHER"').replace(b"tfar>MADE", b"tfar>OTHER")
    assert "OTHER" in refused(written(tmp_path / "a.keras", {**members, "config.json": content}))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite(tmp_path, members, value):
    def change(file, name):
        if file[name].dtype.kind == "f":
            file[name][...] = value

    assert "the weights of a model must be finite" in refused(written(tmp_path / "a.keras", with_weights(members, change)))


def test_weights_that_declare_petabytes(tmp_path, members):
    def change(file, name):
        if file[name].ndim == 2:
            dtype = file[name].dtype
            del file[name]
            file.create_dataset(name, (50_000_000, 50_000_000), dtype, chunks=(1000, 1000))  # of which no chunk is stored

    error = refused(written(tmp_path / "a.keras", with_weights(members, change)))
    assert "would take 10,000,000,000,000,000 bytes" in error


def test_weights_that_lie_in_other_files(tmp_path, members):
    (tmp_path / "secret").write_bytes(bytes(1000))

    def external(file, name):
        shape, dtype = file[name].shape, file[name].dtype
        del file[name]
        file.create_dataset(name, shape, dtype, external=[(str(tmp_path / "secret"), 0, h5py.h5f.UNLIMITED)])

    def linked(file, name):
        del file[name]
        file[name] = h5py.ExternalLink(str(tmp_path / "secret"), "/x")

    assert "lie in another file" in refused(written(tmp_path / "a.keras", with_weights(members, external)))
    assert "are a link to" in refused(written(tmp_path / "b.keras", with_weights(members, linked)))


def test_a_member_that_unpacks_to_far_more_than_it_is(tmp_path, members, monkeypatch):
    monkeypatch.setattr(reading, "UNCHECKED", 100_000)  # instead of 1 GiB
    path = written(tmp_path / "a.keras", {**members, "assets/zeros": bytes(10_000_000)})
    assert "assets/zeros would take 10,000,000 bytes" in refused(path)
