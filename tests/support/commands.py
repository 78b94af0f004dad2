"""What the tests of the commands share."""

import csv
import re

from tfar.cli.main import main

TINY = ["--hidden-units", "16", "--epochs", "2", "--no-jit", "--quiet"]


def write_table(path, values, header=None, blanks=()):
    lines = [",".join(header)] if header else []
    for i, row in enumerate(values):
        lines.append(",".join("" if (i, j) in blanks else f"{value:.4f}" for j, value in enumerate(row)))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read_table(path):
    with open(path, newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return header, rows


def fails(capsys, *words, code=1):
    """The one line that a command prints as it fails; notes of what it read may stand before it."""
    capsys.readouterr()
    assert main(words) == code
    printed = capsys.readouterr()
    error = re.fullmatch(r"(?:tfar: note: [^\n]+\n)*(tfar: error: [^\n]+\n)", printed.err)
    assert error, printed.err
    return error[1]
