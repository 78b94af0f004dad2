#!/usr/bin/env bash
# Creates .venv in the checkout and installs tfar there, editable: scripts/venv.sh [EXTRAS], for example "test,plot".
# PYTHON names the interpreter to use; the default is the first suitable one on the PATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# TensorFlow publishes wheels for these versions only, and pip's message for other versions does not say so.
suitable() { "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null; }

asked_for() { [ -z "${PYTHON:-}" ] || [ "$("$PYTHON" --version 2>&1)" = "$(.venv/bin/python --version 2>&1)" ]; }

has_pip() { .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null 2>&1; }

if ! { [ -x .venv/bin/python ] && suitable .venv/bin/python && asked_for && has_pip; }; then
    found=""
    candidates=(python3 python3.13 python3.12 python3.11 python3.10)
    if [ -n "${PYTHON:-}" ]; then candidates=("$PYTHON"); fi
    for candidate in "${candidates[@]}"; do
        if suitable "$candidate"; then found="$candidate" && break; fi
    done
    if [ -z "$found" ]; then
        echo "tfar needs Python 3.10 to 3.13; set PYTHON to one." \
            "Received: ${PYTHON:-python3} ($("${PYTHON:-python3}" --version 2>&1 || true))" >&2
        exit 1
    fi
    echo "Creating .venv with $("$found" --version)"
    "$found" -m venv --clear .venv
fi

echo "Installing tfar${1:+[$1]} and its dependencies (about 2 GB on disk the first time)"
# the pip of Python 3.10 takes many minutes to resolve the versions; a recent pip resolves them at once
.venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
# the build backend warns about every editable install
PYTHONWARNINGS=ignore .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".${1:+[$1]}"
