#!/usr/bin/env bash
# Builds the wheel and the source distribution into dist/, checks them, and does with the wheel what a new user does, outside the checkout
# (scripts/fresh_machine.py). Arguments go to that script. PYTHON names the interpreter; the default is that of .venv, which is made if need be.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ ! -x .venv/bin/python ]; then scripts/venv.sh; fi
python="${PYTHON:-.venv/bin/python}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
rm -rf dist build

"$python" -m venv "$work/tools"
"$work/tools/bin/python" -m pip install --quiet --disable-pip-version-check build twine
"$work/tools/bin/python" -m build --outdir dist . >"$work/build.log" 2>&1 || { tail -30 "$work/build.log" >&2; exit 1; }
"$work/tools/bin/python" -m twine check --strict dist/*
wheel="$(echo dist/*.whl)"
size="$(stat -c %s "$wheel" 2>/dev/null || stat -f %z "$wheel")"
echo "$wheel: $((size / 1024)) KiB"
if [ "$size" -ge 1000000 ]; then
    echo "the wheel must be under 1 MB. Received: $size bytes" >&2
    exit 1
fi
"$python" scripts/fresh_machine.py "$wheel" "$@"
