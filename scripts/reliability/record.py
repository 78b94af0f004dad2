"""The file of the trials, results/reliability.json: a section for each kind."""

import json
import time
from pathlib import Path

from tfar.files import write_json

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "results" / "reliability.json"


def read(path=FILE):
    """All sections by name."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def update(section, content, path=FILE):
    """Replace a section, and date it."""
    write_json(path, {**read(path), section: {**content, "date": time.strftime("%Y-%m-%d")}}, overwrite=True)
