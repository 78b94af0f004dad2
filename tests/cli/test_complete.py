"""`tfar complete`."""

import numpy as np
import pytest
from support.commands import TINY, fails, read_table, write_table

from tfar.cli.main import main


@pytest.mark.pictures
def test_completions_keep_what_was_given(folder, tmp_path):
    assert main(["complete", folder, "-n", "3", "--rows", "4", "--out", tmp_path / "c.npy"]) == 0
    drawn = np.load(tmp_path / "c.npy")
    assert drawn.shape == (4, 3, 8, 8, 1)
    assert (drawn[:, :, :4] == drawn[:, :1, :4]).all() and (drawn[:, :, 4:] != drawn[:, :1, 4:]).any()
    assert main(["complete", folder]) == 0
    assert (folder / "completions-1.png").is_file()


def test_a_picture_is_of_the_first_completions(folder, tmp_path, monkeypatch):
    from tfar import plotting

    shown, completions = [], plotting.completions
    monkeypatch.setattr(plotting, "completions", lambda rows, *rest: shown.append(len(rows)) or completions(rows, *rest))
    assert main(["complete", folder, "--rows", "60", "-n", "1", "--out", tmp_path / "c.png"]) == 0
    assert shown == [40]


def test_observe_says_how_much_is_given(folder, tmp_path, capsys):
    for share, rows in {"0": 0, "0.25": 2, "1": 8}.items():
        assert main(["complete", folder, "--observe", share, "--out", tmp_path / f"{share}.npy"]) == 0
        differ = (np.diff(np.load(tmp_path / f"{share}.npy"), axis=1) != 0).any(axis=(0, 1, 3, 4))  # which rows of pixels
        assert not differ[:rows].any() and differ[rows : rows + 2].any() == (rows < 8)
    assert "2.5" in fails(capsys, "complete", folder, "--observe", "2.5", code=2)


def test_rows_before_the_first_blank_stay_as_they_are(table, tmp_path, capsys):
    run, _ = table
    data = write_table(tmp_path / "late.csv", np.full((4, 3), 100.0), ["a", "b", "c"], blanks={(3, 2)})
    assert main(["complete", run, "--data", data, "--rows", "2", "-n", "1", "--out", tmp_path / "two.csv"]) == 0
    assert [row[2:] for row in read_table(tmp_path / "two.csv")[1]] == [["100"] * 3] * 2
    assert "1 blanks" in fails(capsys, "complete", run, "--data", data, "--observe", "0.5", "--out", tmp_path / "no.csv")


@pytest.mark.slow
def test_completions_of_quantised_data_have_one_unit(tmp_path):
    np.savetxt(tmp_path / "grey.csv", np.random.default_rng(0).integers(0, 16, [60, 2]), fmt="%d", delimiter=",")
    assert main(["train", "deepnade", "--data", tmp_path / "grey.csv", "--levels", "4", "--out", tmp_path / "run", *TINY]) == 0
    (tmp_path / "blank.csv").write_text("13,\n,14\n")
    assert main(["complete", tmp_path / "run", "--data", tmp_path / "blank.csv", "-n", "9", "--out", tmp_path / "full.csv"]) == 0
    rows = np.array(read_table(tmp_path / "full.csv")[1], float)
    assert (rows[:9, 2] == 3).all() and (rows[9:, 3] == 3).all() and rows[:, 2:].max() == 3  # 13 and 14 are in the last of four levels


@pytest.mark.slow
def test_columns_of_a_table_may_be_named_where_those_of_training_were_not(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=[60, 2]))
    assert main(["train", "made", "--data", tmp_path / "x.npy", "--out", tmp_path / "run", "--components", "2", *TINY]) == 0
    (tmp_path / "blank.csv").write_text("a,b\n0.5,\n")
    assert main(["complete", tmp_path / "run", "--data", tmp_path / "blank.csv", "-n", "2", "--out", tmp_path / "full.csv"]) == 0
    header, rows = read_table(tmp_path / "full.csv")
    assert header == ["row", "draw", "a", "b"] and [row[2] for row in rows] == ["0.5", "0.5"]


@pytest.mark.slow
@pytest.mark.pictures
def test_images_three_pixels_wide_are_completed_with_a_picture(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 2, [60, 4, 3]))
    assert main(["train", "logistic", "--data", tmp_path / "x.npy", "--out", tmp_path / "run", *TINY[2:]]) == 0
    assert main(["complete", tmp_path / "run"]) == 0
    assert (tmp_path / "run" / "completions-1.png").is_file()


@pytest.mark.slow
def test_events_that_are_no_images_are_completed_without_a_picture(tmp_path):
    np.save(tmp_path / "two.npy", np.random.default_rng(0).integers(0, 2, [60, 2, 2, 2]))
    assert main(["train", "logistic", "--data", tmp_path / "two.npy", "--out", tmp_path / "run", *TINY[2:]]) == 0
    assert main(["complete", tmp_path / "run"]) == 0
    assert [path.name for path in (tmp_path / "run").glob("completions*")] == ["completions-1.npy"]


def test_blanks_of_a_table_are_filled(table, tmp_path, capsys):
    run, _ = table
    given = np.random.default_rng(1).normal(100, 5, (3, 3)).round(4)
    data = write_table(tmp_path / "blanks.csv", given[:, [1, 0, 2]], ["b", "a", "c"], blanks={(0, 2), (1, 2)})
    assert main(["complete", run, "--data", data, "-n", "4", "--out", tmp_path / "full.csv"]) == 0
    header, rows = read_table(tmp_path / "full.csv")
    assert header == ["row", "draw", "b", "a", "c"] and len(rows) == 12
    full = np.array(rows, float).reshape(3, 4, 5)
    assert full[:, :, 0].tolist() == [[1] * 4, [2] * 4, [3] * 4] and full[0, :, 1].tolist() == [1, 2, 3, 4]
    assert (full[:, :, 2:4] == given[:, None, [1, 0]]).all()  # as they stood in the file, to the last digit
    assert (full[2, :, 4] == given[2, 2]).all() and len(set(full[0, :, 4])) == 4
    assert np.isfinite(full).all() and abs(full[:, :, 4] - 100).max() < 60


def test_a_pattern_that_the_order_cannot_complete_is_refused(table, tmp_path, capsys):
    data = write_table(tmp_path / "first.csv", np.full((2, 3), 100.0), ["a", "b", "c"], blanks={(0, 0)})
    error = fails(capsys, "complete", table[0], "--data", data, "--out", tmp_path / "no.csv")
    assert "order" in error and not (tmp_path / "no.csv").exists()


def test_a_labelled_table_is_sampled_and_completed_with_its_labels(tmp_path):
    rng = np.random.default_rng(0)
    kinds = rng.choice(["elm", "oak"], 120)
    lines = [f"{k},{a:.3f},{b:.3f}" for k, (a, b) in zip(kinds, rng.normal(size=(120, 2)), strict=True)]
    (tmp_path / "trees.csv").write_text("kind,height,width\n" + "\n".join(lines) + "\n")
    (tmp_path / "new.csv").write_text("kind,height,width\noak,0.5,\n")
    words = [
        "--data",
        tmp_path / "trees.csv",
        "--context",
        "kind",
        "--head",
        "normal",
        "--epochs",
        "1",
        "--no-jit",
        "--quiet",
    ]
    assert main(["train", "logistic", "--out", tmp_path / "run", *words]) == 0
    assert main(["sample", tmp_path / "run", "-n", "2", "--out", tmp_path / "s.csv"]) == 0
    header, rows = read_table(tmp_path / "s.csv")
    assert header == ["height", "width", "kind"] and [row[-1] for row in rows] == ["elm", "oak"]
    assert main(["complete", tmp_path / "run", "--data", tmp_path / "new.csv", "-n", "2", "--out", tmp_path / "c.csv"]) == 0
    header, rows = read_table(tmp_path / "c.csv")
    assert header == ["row", "draw", "height", "width", "kind"] and {row[2] for row in rows} == {"0.5"}
