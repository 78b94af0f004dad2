#!/usr/bin/env bash
# Installs tfar into .venv; then trains MADE on the embedded digits, samples, completes, exports, queries the SavedModel and evaluates.
# Usage: scripts/quickstart.sh [NEW_FOLDER]
set -euo pipefail
case "${1:-}" in "" | /*) ;; *) set -- "$PWD/$1" ;; esac
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out="${1:-runs/quickstart-$(date +%Y%m%d-%H%M%S)}"
if [ -e "$out" ]; then
    echo "The output folder must not exist; name a new one. Received: $out" >&2
    exit 1
fi

scripts/venv.sh plot
export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-2}"
export PATH="$PWD/.venv/bin:$PATH"

tfar train made --data digits --out "$out"
tfar sample "$out"
tfar complete "$out"
tfar export "$out" --out "$out/saved_model"
python scripts/query_saved_model.py "$out/saved_model"
tfar evaluate "$out"
printf '%s\n' "Pictures:" "$out"/*.png "SavedModel: $out/saved_model"
