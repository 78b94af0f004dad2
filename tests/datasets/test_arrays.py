"""Arrays of the user: archives, single arrays, labels and contexts."""

from types import SimpleNamespace

import numpy as np
from support.data import csv_text, error_of, same_rows, savez, table, write

from tfar import datasets
from tfar.datasets import catalogue
from tfar.datasets.labels import class_names


def test_npz_with_all_splits(tmp_path):
    x = table(30)
    for valid in ("valid", "validation"):
        data = datasets.load(savez(tmp_path / "s.npz", train=x[:20], test=x[25:], **{valid: x[20:25]}))
        np.testing.assert_allclose(data.unstandardize(data.validation.x), x[20:25], rtol=1e-5)
        np.testing.assert_allclose(data.standardization.mean, x[:20].mean(axis=0))
        np.testing.assert_allclose(data.standardization.scale, x[:20].std(axis=0))


def test_npz_with_rows_that_would_be_left_out(tmp_path):
    x = table(30)
    for more in ("more", "dev"):
        path = savez(tmp_path / "s.npz", train=x[:20], test=x[20:25], **{more: x[25:]})
        assert f"of which {more} would be left out" in error_of(datasets.load, path)
    path = savez(tmp_path / "s.npz", train=x[:20], valid=x[20:25], validation=x[25:])
    assert "of which valid would be left out" in error_of(datasets.load, path)
    path = savez(tmp_path / "s.npz", train=x[:20], ids=np.arange(20), train_context=x[:20])  # no rows of x
    assert datasets.load(path).event_shape == x.shape[1:]


def test_labels_that_are_missing_or_written_in_two_ways(tmp_path):
    info = SimpleNamespace(features={"label": SimpleNamespace(names=["a", "b", "c"])})
    assert catalogue.labels_of({"label": np.array([2, 0])}, "label", info, "them").tolist() == ["c", "a"]
    assert "them: each row needs a label to condition on. Received: 1 rows" in error_of(
        catalogue.labels_of, {"label": np.array([0, -1])}, "label", info, "them"
    )
    assert "written in one way. Received: '1' and '1.0'" in error_of(class_names, ["1", "2", "1.0"])


def test_npz_without_validation_or_test_draws_a_sixth(tmp_path):
    x = np.arange(60)[:, None] / 7
    data = datasets.load(savez(tmp_path / "s.npz", train=x[:48], test=x[48:]))
    assert [len(split.x) for split in data.splits.values()] == [40, 8, 12]
    assert same_rows(np.concatenate([data.unstandardize(s.x) for s in data.splits.values()]).round(4), x.round(4))
    # rows may be sorted, so those held out are drawn from all over the training rows
    assert data.unstandardize(data.validation.x).min() < 5
    data = datasets.load(savez(tmp_path / "s.npz", train=x[:48], valid=x[48:]))
    assert [len(split.x) for split in data.splits.values()] == [40, 12, 8]
    data = datasets.load(savez(tmp_path / "s.npz", train=x))
    assert [len(split.x) for split in data.splits.values()] == [48, 6, 6]


def test_single_arrays(tmp_path):
    x = table(20)
    np.save(tmp_path / "x.npy", x.astype(np.float32))
    savez(tmp_path / "x.npz", anything=x.astype(np.float32), fold_sizes=np.array([10, 10]))
    a, b = datasets.load(tmp_path / "x.npy"), datasets.load(tmp_path / "x.npz")
    assert np.array_equal(a.train.x, b.train.x) and len(a.train.x) == 16 and a.name == "x.npy"


def test_arrays_of_three_axes_are_images_of_one_channel(tmp_path):
    grey = np.random.RandomState(0).randint(0, 256, (20, 5, 4)).astype(np.uint8)
    np.save(tmp_path / "flat.npy", grey)
    np.save(tmp_path / "deep.npy", grey[..., None])
    flat, deep = (datasets.load(tmp_path / f"{name}.npy") for name in ("flat", "deep"))
    assert flat.event_shape == (5, 4, 1) and np.array_equal(flat.train.x, deep.train.x)
    path = savez(tmp_path / "s.npz", train=grey[:12], test=grey[12:], train_context=np.eye(12), test_context=np.eye(8, 12))
    assert datasets.load(path, context="context").test.x.shape == (8, 5, 4, 1)
    holes = grey.astype(np.float32)
    holes[:, 2:] = np.nan
    np.save(tmp_path / "holes.npy", holes)
    x = datasets.prepare(tmp_path / "holes.npy", flat.to_config(), allow_blanks=True).x
    np.testing.assert_array_equal(x, holes[..., None])


def test_packed_bits(tmp_path):
    bits = np.random.RandomState(0).randint(0, 2, (40, 13))
    packed = np.packbits(bits, axis=1)
    path = savez(tmp_path / "p.npz", n_features=13, train=packed[:20], valid=packed[20:30], test=packed[30:])
    data = datasets.load(path)
    assert data.kind == "binary" and np.array_equal(data.train.x, bits[:20]) and np.array_equal(data.test.x, bits[30:])
    path = savez(tmp_path / "p.npz", n_features=33, train=packed)
    assert "2 bytes a row cannot hold n_features. Received: 33" in error_of(datasets.load, path)


def test_labels_and_contexts_of_arrays(tmp_path):
    x = table(20)
    arrays = {"train": x[:12], "valid": x[12:16], "test": x[16:]}
    labels = {"train_labels": np.arange(12) % 3 + 9, "valid_labels": np.full(4, 10), "test_labels": np.full(4, 11)}
    vectors = {f"{key}_context": value[:, :2] for key, value in arrays.items()}
    path = savez(tmp_path / "l.npz", **arrays, **labels, **vectors)
    assert datasets.load(path).context_names is None and datasets.load(path).train.context is None
    data = datasets.load(path, context="label")
    assert data.context_names == ("9", "10", "11") and data.context_size == 3
    assert data.validation.context.tolist() == [[0, 1, 0]] * 4
    data = datasets.load(path, context="context")
    assert data.context_names is None and data.context_size == 2 and data.test.context.dtype == np.float32
    np.testing.assert_allclose(data.test.context, x[16:, :2], rtol=1e-6)
    single = datasets.load(savez(tmp_path / "o.npz", x=x, labels=np.array(["a", "b"] * 10)), context="label")
    assert single.context_names == ("a", "b") and single.train.context.shape == (16, 2)

    assert 'is "label" or "context"' in error_of(datasets.load, path, context="class")
    assert "needs an array 'labels'" in error_of(datasets.load, savez(tmp_path / "n.npz", x=x), context="label")
    path = savez(tmp_path / "e.npz", **arrays, **{**labels, "test_labels": np.array([9, 9, 9, 7])})
    assert "['9', '10', '11']. Received: '7'" in error_of(datasets.load, path, context="label")
    path = savez(tmp_path / "e.npz", **arrays, **{**labels, "test_labels": np.array([9, 9])})
    assert "test: each of the 4 rows needs a context. Received: 2" in error_of(datasets.load, path, context="label")
    path = savez(tmp_path / "e.npz", **arrays, **{**labels, "train_labels": np.arange(12) / 2})
    assert "words or whole numbers" in error_of(datasets.load, path, context="label")
    path = savez(tmp_path / "e.npz", **arrays, **{**vectors, "test_context": x[16:]})
    assert "test: the context must be [N, 2]. Received: shape (4, 3)" in error_of(datasets.load, path, context="context")
    path = savez(tmp_path / "e.npz", **arrays, **{**vectors, "test_context": x[16:, 0]})
    assert "must have 2 axes" in error_of(datasets.load, path, context="context")
    np.save(tmp_path / "x.npy", x)
    assert "A .npy file has no context" in error_of(datasets.load, tmp_path / "x.npy", context="label")


def test_csv_context_is_a_column(tmp_path):
    rows = "\n".join(f"{v:.3f},{kind},{w:.3f}" for (v, w), kind in zip(table(30, 2), "xyz" * 10, strict=True))
    path = write(tmp_path / "c.csv", f"a,kind,b\n{rows}\n")
    data = datasets.load(path, context="kind")
    assert data.columns == ("a", "b") and data.context_names == ("x", "y", "z") and data.train.context.shape == (24, 3)
    write(path, csv_text(table(9), ("a", "b", "c")))
    assert "words or whole numbers" in error_of(datasets.load, path, context="a")


def test_a_linked_file_keeps_its_name_and_is_read_again(tmp_path):
    (tmp_path / "blob").write_text(csv_text(table(20)))
    link = tmp_path / "mine.csv"
    link.symlink_to(tmp_path / "blob")
    data = datasets.load(link)
    assert data.name == "mine.csv" and data.to_config()["source"] == str(link)
    for again in (datasets.load_config(data.to_config()), datasets.load_config(data.to_config(), source=link)):
        assert same_rows(again.train.x, data.train.x)


def test_damaged_archives_and_misnamed_ones(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", train=np.random.default_rng(0).normal(size=[100, 9]))
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npz").read_bytes())
    assert "An archive of arrays" in error_of(datasets.load, tmp_path / "a.npy")
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[60:160] = b"\xff" * 100  # in the compressed part, which begins after about 40 bytes
    (tmp_path / "a.npz").write_bytes(content)
    assert "a NumPy file of plain arrays" in error_of(datasets.load, tmp_path / "a.npz")


def test_every_class_has_a_training_row(tmp_path):
    rows = "".join(f"{n},{'oak' if n % 2 else 'elm'}\n" for n in range(30))
    path = write(tmp_path / "t.csv", "x,kind\n" + rows + "30,yew\n")
    for seed in range(30):
        data = datasets.load(path, context="kind", seed=seed)
        assert data.preparation.context_names == ("elm", "oak", "yew") and data.train.context.sum(axis=0).min() > 0
        x = np.concatenate([data.unstandardize(split.x) for split in data.splits.values()])
        np.testing.assert_allclose(np.sort(x[:, 0]), np.arange(31), atol=1e-4)  # no row is lost, and none comes twice
    for fold in range(3):
        assert datasets.load(path, context="kind", fold=fold, folds=3).train.context.sum(axis=0).min() > 0
    parts = {"train": np.zeros((4, 1)), "test": np.zeros((1, 1)), "train_labels": np.array(list("abab")), "test_labels": np.array(["c"])}
    message = error_of(datasets.load, savez(tmp_path / "t.npz", **parts), context="label")
    assert "test: every class must occur in the training split" in message and "['a', 'b']. Received: 'c'" in message


def test_array_errors(tmp_path):
    x = table(20)
    assert "no such file" in error_of(datasets.load, tmp_path / "none.npz")
    assert "a NumPy file" in error_of(datasets.load, write(tmp_path / "t.npz", "text"))
    assert "a NumPy file" in error_of(datasets.load, write(tmp_path / "t.npy", ""))
    np.save(tmp_path / "o.npy", np.array([{}]), allow_pickle=True)
    assert "a NumPy file of plain arrays" in error_of(datasets.load, tmp_path / "o.npy")
    message = error_of(datasets.load, savez(tmp_path / "k.npz", xtrain=x, xtest=x))
    assert "must be named train, valid and test" in message and "['xtest', 'xtrain']" in message
    assert "Received: ['test']" in error_of(datasets.load, savez(tmp_path / "k.npz", test=x))
    assert "At least 4 training rows" in error_of(datasets.load, savez(tmp_path / "k.npz", train=x[:3], test=x))
    message = error_of(datasets.load, savez(tmp_path / "k.npz", train=x, test=x[:, :2]))
    assert "test: the event shape must be (3,), as in train. Received: (2,)" in message
    for value in (np.nan, np.inf):
        bad = x.copy()
        bad[7, 1] = value
        message = error_of(datasets.load, savez(tmp_path / "k.npz", train=x, test=bad))
        assert f"test: values must be finite. Received: {value} in row 7" in message
    for wrong in (np.float64(1), np.arange(9.0), np.zeros((0, 3)), np.zeros((9, 0))):
        np.save(tmp_path / "w.npy", wrong)
        assert f"no empty axis. Received: shape {wrong.shape}" in error_of(datasets.load, tmp_path / "w.npy")
    for wrong in (np.array([["a"]] * 9), np.ones((9, 2), complex)):
        np.save(tmp_path / "w.npy", wrong)
        assert f"real numbers. Received: dtype {wrong.dtype}" in error_of(datasets.load, tmp_path / "w.npy")
