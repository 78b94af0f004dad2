"""The file of the figures of scale, results/scale.json: a section for each kind, in it one entry for each setting."""

import json
import os
import time
from pathlib import Path

from tfar.files import write_json

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "results" / "scale.json"


def read(path=FILE):
    """All sections by name."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def update(section, name, entry, path=FILE):
    """Replace an entry of a section, and date it."""
    found = read(path)
    entries = {**found.get(section, {}), name: {**entry, "cpus": os.cpu_count(), "date": time.strftime("%Y-%m-%d")}}
    write_json(path, {**found, section: entries}, overwrite=True)
