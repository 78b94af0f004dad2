"""Files are written whole or not at all."""

import math
import os
import signal
import socket
import subprocess
import sys

import pytest

from tfar import files


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    with pytest.raises(RuntimeError), files.atomic(tmp_path / "a") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    with pytest.raises(RuntimeError), files.atomic(tmp_path / "folder") as temporary:
        temporary.mkdir()
        (temporary / "part").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    files.write_json(tmp_path / "a.json", {"x": [1.5, math.nan]})
    assert (tmp_path / "a.json").read_text().split() == ["{", '"x":', "[", "1.5,", "null", "]", "}"]
    with pytest.raises(FileExistsError, match="Received: "):
        files.write_json(tmp_path / "a.json", {})


def test_a_lock_is_of_one_process(tmp_path):
    out = tmp_path / "new" / "run"
    with files.locked(out):
        code = f"from tfar import files\nwith files.locked({str(out)!r}):\n    pass"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert f"Received: {out}, which process {os.getpid()} on {socket.gethostname()} writes" in done.stderr
        with pytest.raises(BlockingIOError), files.locked(out):
            pass
        with files.locked(tmp_path / "new" / "other"):
            pass
    assert list(tmp_path.iterdir()) == []  # the folder for it too


def test_a_lock_of_a_dead_process_holds_nobody_up(tmp_path):
    out = tmp_path / "run"
    code = f"import os, signal\nfrom tfar import files\nwith files.locked({str(out)!r}):\n    os.kill(os.getpid(), signal.SIGKILL)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGKILL
    assert (tmp_path / "run.lock").is_file()
    with files.locked(out):
        assert (tmp_path / "run.lock").read_text().startswith(f"process {os.getpid()} ")
    assert list(tmp_path.iterdir()) == []


def test_many_processes_never_hold_a_lock_at_once(tmp_path):
    """Each removes the file of the lock as it leaves, where another may just have opened it."""
    code = f"""
import pathlib, time
from tfar import files
inside, done = pathlib.Path({str(tmp_path)!r}, "inside"), 0
end = time.monotonic() + 1.5
while time.monotonic() < end:
    try:
        with files.locked({str(tmp_path / "run")!r}):
            inside.touch(exist_ok=False)
            inside.unlink()
            done += 1
    except BlockingIOError:
        pass
print(done)
"""
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    for process in processes:
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0 and int(output) > 0, errors


def test_without_locks_of_the_system_nothing_is_locked(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "fcntl", None)
    with files.locked(tmp_path / "run"), files.locked(tmp_path / "run"):
        pass


def test_what_a_killed_process_left_is_removed(tmp_path):
    kept = ["run", ".0123456.run", ".01234567.rung", ".0123456g.run", "01234567.run"]
    for name in [*kept, ".01234567.run", ".89abcdef.run"]:
        (tmp_path / name).write_text("")
    (tmp_path / ".89abcdef.run").unlink()
    (tmp_path / ".89abcdef.run").mkdir()
    (tmp_path / ".89abcdef.run" / "model.keras").write_text("")
    files.remove_temporaries(tmp_path, "run")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
    files.remove_temporaries(tmp_path)
    assert ".01234567.rung" not in [path.name for path in tmp_path.iterdir()]
    files.remove_temporaries(tmp_path / "nowhere")
