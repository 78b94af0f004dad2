"""What a new user does, timed: install a built wheel into a fresh environment outside the checkout, and use it there.

    python scripts/fresh_machine.py WHEEL [--out FILE]

The steps are the installation with nothing from pip's cache, the Python blocks of the README, a training, samples, the fine-tuning of a
shipped model, a training on a folder of PNG files, and a recipe of the package. The seconds of each are printed, and with `--out` written
as JSON. The interpreter that runs this script makes the environment; it needs no packages.
"""

import argparse
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PNG_FILES = """
import pathlib, tfar
from PIL import Image
pathlib.Path("pictures").mkdir()
for number, image in enumerate(tfar.datasets.load("digits").train.x[..., 0]):
    Image.fromarray((255 * image).astype("uint8")).save(f"pictures/{number}.png")
"""
STEPS = {  # commands by what they are for; they run in a folder that holds README.md, run_blocks.py and the shipped model
    "the README's Python": ["python run_blocks.py README.md"],
    "a training": ["tfar train made --data digits --out runs/digits --quiet"],
    "samples": ["tfar sample runs/digits"],
    "fine-tuning of a shipped model": ["tfar train made --data digits --init-from made-digits --epochs 3 --out runs/tuned --quiet"],
    "a folder of PNG files": [
        f"python -c {shlex.quote(PNG_FILES)}",
        "tfar train made --data pictures --levels 2 --epochs 3 --out runs/pictures --quiet",
        "tfar sample runs/pictures",
    ],
    "a recipe": ["tfar reproduce made --smoke"],
}


def run(command, folder):
    """Run a command in a folder, with the environment there first on the PATH.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    path = f"{folder / 'environment' / 'bin'}{os.pathsep}{kept['PATH']}"
    subprocess.run(shlex.split(command), cwd=folder, check=True, env={"TF_CPP_MIN_LOG_LEVEL": "2", **kept, "PATH": path})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("wheel", type=Path, help="the wheel to install")
    parser.add_argument("--out", type=Path, help="JSON file of the seconds (default: they are printed alone)")
    args = parser.parse_args()
    wheel = args.wheel.resolve(strict=True)
    install = f"python -m pip install --quiet --disable-pip-version-check --no-cache-dir {shlex.quote(f'{wheel}[plot]')}"
    steps = {"the installation": [f"{shlex.quote(sys.executable)} -m venv environment", install], **STEPS}
    seconds = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in (ROOT / "README.md", ROOT / "scripts" / "run_blocks.py"):
            shutil.copy(file, folder)
        shutil.copytree(ROOT / "saved_models" / "made-digits", folder / "made-digits")
        for step, commands in steps.items():
            began = time.perf_counter()
            for command in commands:
                run(command, folder)
            seconds[step] = round(time.perf_counter() - began, 1)
            print(f"{step}: {seconds[step]} s", flush=True)
    print(f"all: {sum(seconds.values()):.0f} s")
    if args.out is not None:
        about = {"wheel": wheel.name, "bytes": wheel.stat().st_size, "python": platform.python_version(), "cpus": os.cpu_count()}
        load = round(os.getloadavg()[0], 1)  # of the last minute: seconds are longer where others compute too
        args.out.write_text(json.dumps({**about, "load": load, "seconds": seconds}, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
