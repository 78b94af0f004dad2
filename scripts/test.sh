#!/usr/bin/env bash
# Installs tfar into .venv, then runs the linter, the formatter's check, the type checker and the tests. Arguments go to pytest.
# Tests on real data run if TFDS_DATA_DIR names a TFDS data_dir; otherwise they are skipped, with the reason.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/venv.sh test,plot
export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-2}"
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/basedpyright
.venv/bin/python -m pytest --numprocesses 2 --dist worksteal "$@"
