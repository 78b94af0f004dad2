"""`scripts/fresh_machine.py`: its commands can be read, and the seconds of its steps are written."""

import json
import shlex
import subprocess

import fresh_machine
import pytest

from tfar.cli.main import parse


def test_its_commands_can_be_read():
    commands = [shlex.split(command) for step in fresh_machine.STEPS.values() for command in step]
    assert {parse(words).command for words in (rest for first, *rest in commands if first == "tfar")} == {"train", "sample", "reproduce"}
    for program in (words[2] for words in commands if words[:2] == ["python", "-c"]):
        compile(program, "step", "exec")


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    path = tmp_path / "tfar-1-py3-none-any.whl"
    path.write_bytes(b"12345")
    monkeypatch.setattr("sys.argv", ["fresh_machine.py", str(path), "--out", str(tmp_path / "seconds.json")])
    return path


def test_the_wheel_is_installed_first_and_every_step_is_timed(wheel, monkeypatch, capsys):
    done = []
    monkeypatch.setattr(fresh_machine, "run", lambda command, folder: done.append((command, sorted(p.name for p in folder.iterdir()))))
    assert fresh_machine.main() == 0
    assert "-m venv environment" in done[0][0] and f"{wheel}[plot]" in done[1][0] and done[2][0] == "python run_blocks.py README.md"
    assert all(there == ["README.md", "made-digits", "run_blocks.py"] for _, there in done)
    found = json.loads((wheel.parent / "seconds.json").read_text())
    assert list(found["seconds"]) == ["the installation", *fresh_machine.STEPS] and found["bytes"] == 5
    assert "fine-tuning of a shipped model: 0.0 s" in capsys.readouterr().out


def test_a_step_that_fails_ends_it(wheel, tmp_path, monkeypatch):
    monkeypatch.setattr(fresh_machine.sys, "executable", "false")
    with pytest.raises(subprocess.CalledProcessError):
        fresh_machine.main()
    assert not (tmp_path / "seconds.json").exists()
