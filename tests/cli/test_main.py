"""The command line as a whole: help, errors of one line, interruptions."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.commands import fails

from tfar.cli.main import main


def test_help_needs_no_tensorflow():
    code = (
        "import sys\nfrom tfar.cli.main import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'matplotlib'} & set(sys.modules)\nassert not heavy, heavy"
    )
    for words in (["--help"], ["train", "--help"], ["train", "made", "--help"], ["complete", "--help"], ["--version"]):
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "tfar" in done.stdout


def test_a_file_that_is_missing_is_told_before_anything_large_is_imported(tmp_path):
    """So that a typing error costs half a second."""
    code = (
        "import sys\nfrom tfar.cli.main import main\n"
        "assert main(sys.argv[1:]) == 1\n"
        "heavy = {'tensorflow', 'keras', 'pandas', 'pyarrow', 'matplotlib', 'statistics', 'tfar.cli.evaluate'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    words = ["train", "made", "--data", tmp_path / "missing.csv", "--out", tmp_path / "run"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 0 and re.fullmatch(r"tfar: error: [^\n]*missing.csv[^\n]*\n", done.stderr), done.stderr


def test_help_is_short_and_help_all_is_whole(capsys):
    from tfar import config

    shown = {}
    for flag in ("--help", "--help-all"):
        assert main(["train", "made", flag]) == 0
        shown[flag] = capsys.readouterr().out
    assert len(shown["--help"].splitlines()) < 85 < len(shown["--help-all"].splitlines())
    for part in (
        "--hidden-units",
        "--levels",
        "--epochs",
        "model:",
        "data:",
        "training:",
        "usage: tfar train made --data NAME_OR_FILE --out DIR",
    ):
        assert part in shown["--help"]
    groups = (config.MADE, config.HeadSettings, config.DataSettings, config.TableSettings, config.Training, config.AfterTraining)
    fields = [field for group in groups for field in config.settings_of(group).items()]
    flags = [(field.metadata["shown"].flag or name).replace("_", "-") for name, field in fields if field.metadata["shown"].command_line]
    assert all(f"--{flag} " in shown["--help-all"] or f"--{flag}," in shown["--help-all"] for flag in flags)
    assert "--clip" not in shown["--help"] and "gradient-norm clipping" in shown["--help-all"]


def test_an_error_is_the_only_line_even_as_tensorflow_loads(tmp_path):
    command = [sys.executable, "-m", "tfar.cli", "evaluate", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert re.fullmatch(r"tfar: error: [^\n]+\n", done.stderr), done.stderr


def test_negative_seeds_are_refused(folder, tmp_path, capsys):
    words = ["--data", "digits", "--out", tmp_path / "run"]
    assert "at least 0. Received: '-1'" in fails(capsys, "train", "made", *words, "--seed", "-1", code=2)
    assert "at least 0. Received: '-1'" in fails(capsys, "evaluate", folder, "--seed", "-1", code=2)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ([], "a command is needed"),
        (["swim"], "'swim'"),
        (["train"], "MODEL"),
        (["train", "mode", "--data", "digits", "--out", "new"], "'mode' (choose from"),
        (["train", "made", "--out", "new"], "--data"),
        (["train", "made", "--data", "digits"], "--out"),
        (["train", "made", "--data", "digits", "--out", "new", "--epochs", "many"], "'many'"),
        (["train", "made", "--data", "digits", "--out", "new", "--depth", "3"], "--depth"),
        (["train", "made", "--data", "digits", "--out", "new", "--order", "sideways"], "sideways"),
        (["train", "made", "--data", "digits", "--out", "new", "--head", "poisson"], "'poisson'"),
    ],
)
def test_words_that_are_not_understood(words, shown, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert shown in fails(capsys, *words, code=2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["evaluate", "sample", "complete", "export"])
def test_a_folder_that_train_did_not_write(command, tmp_path, capsys):
    assert "nowhere" in fails(capsys, command, tmp_path / "nowhere")
    assert "model.keras" in fails(capsys, command, tmp_path)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["sample", "-n", "0"], "-n 0"),
        (["sample", "--context", "3"], "--context 3"),
        (["sample", "--out", "x.gif"], "x.gif"),
        (["sample", "--out", "x.csv"], "x.csv"),
        (["complete", "-n", "0"], "-n 0"),
        (["complete", "--rows", "0"], "--rows 0"),
        (["complete", "--data", "gone.npy", "--out", "new.npy"], "gone.npy"),
        (["evaluate", "--data", "gone.csv"], "gone.csv"),
    ],
)
def test_requests_that_a_model_cannot_meet(words, shown, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert shown in fails(capsys, words[0], folder, *words[1:])


def test_data_of_another_shape(folder, tmp_path, capsys):
    np.save(tmp_path / "wide.npy", np.zeros((5, 9, 8, 1), np.int32))
    assert "(9, 8, 1)" in fails(capsys, "evaluate", folder, "--data", tmp_path / "wide.npy")


def test_ctrl_c_is_one_line_and_an_exit_code(folder, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("tfar.cli.evaluate.run", interrupted)
    capsys.readouterr()
    assert main(["evaluate", folder]) == 130
    assert capsys.readouterr().err == "tfar: interrupted\n"


def test_traceback_on_request(tmp_path):
    with pytest.raises(FileNotFoundError):
        main(["sample", tmp_path / "nowhere", "--traceback"])


def test_a_prompt_is_for_texts(folder, capsys):
    assert "--prompt is for models of text" in fails(capsys, "sample", folder, "--prompt", "a")
    assert "--temperature is for models of text" in fails(capsys, "sample", folder, "--temperature", "2")
    assert "--streams is for models of text" in fails(capsys, "evaluate", folder, "--streams", "2")


def test_a_reader_that_closes_the_pipe_is_no_error():
    command = [sys.executable, "-m", "tfar.cli", "models", Path(__file__).resolve().parents[2] / "saved_models"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait() == 1
