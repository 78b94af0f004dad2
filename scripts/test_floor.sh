#!/usr/bin/env bash
# Runs the tests on the lowest versions that setup.cfg allows, in an environment of its own, .venv-floor. Arguments go to pytest;
# the default is the fast tests. PYTHON names the interpreter of a new environment, as for scripts/venv.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ ! -x .venv/bin/python ]; then scripts/venv.sh test,plot; fi # finds the interpreter, with which the other environment is made
if [ ! -x .venv-floor/bin/python ]; then .venv/bin/python -m venv .venv-floor; fi
floors="$(mktemp)"
trap 'rm -f "$floors"' EXIT
.venv/bin/python - >"$floors" <<'PYTHON'
import configparser
import re

settings = configparser.ConfigParser()
settings.read("setup.cfg")
for line in settings["options"]["install_requires"].splitlines():
    if floor := re.match(r"([\w-]+)(?:\[\w+\])? *>= *([\w.]+)", line.strip()):
        print(f"{floor[1]}=={floor[2]}")
PYTHON
echo "Installing the floors into .venv-floor:" $(<"$floors")
.venv-floor/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
PYTHONWARNINGS=ignore .venv-floor/bin/python -m pip install --quiet --disable-pip-version-check --constraint "$floors" --editable ".[test,plot]"

export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-2}"
.venv-floor/bin/python -m pytest --numprocesses 2 --dist worksteal "$@"
