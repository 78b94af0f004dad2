#!/usr/bin/env bash
# Makes an environment with PyTorch and nflows for `scripts/benchmark.py calls --peers FOLDER/bin/python`: scripts/speed/peers.sh FOLDER
set -euo pipefail
python3 -m venv "${1:?a folder for the environment}"
"$1/bin/pip" install --quiet 'torch==2.13.*' nflows numpy
echo "$1/bin/python"
