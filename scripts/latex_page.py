"""Typeset LaTeX that a character model wrote, and draw one page as a PNG file. Needs pdflatex and pdftoppm.

    python scripts/latex_page.py TEXT --preamble preamble.tex --out page.png

The page is of the longest stretch of TEXT in which every environment is closed correctly. The stretch is not edited, but `\\input` does
nothing. In its nonstop mode TeX skips other errors, such as unknown commands and unfinished formulas; they are counted. TeX runs no
commands, and reads and writes no hidden files and no files in parent folders.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from latex_environments import longest_balanced, nesting

from tfar.files import atomic, refuse_existing


def typeset(body, preamble, folder):
    """Run TeX in a folder, where it writes `page.pdf`; return the number of errors that it skipped.

    Raises:
        ValueError: TeX wrote no PDF.
    """
    source = f"{preamble}\n\\begin{{document}}\n\\renewcommand{{\\input}}[1]{{}}\n{body}\n\\end{{document}}\n"
    (folder / "page.tex").write_text(source, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-no-shell-escape", "page.tex"]
    careful = {**os.environ, "openin_any": "p", "openout_any": "p"}
    printed = subprocess.run(command, cwd=folder, env=careful, capture_output=True, text=True, errors="replace", timeout=120).stdout
    if not (folder / "page.pdf").exists():
        raise ValueError(f"TeX must be able to set the text. Received: {printed[-500:]}")
    return len(re.findall(r"^! ", printed, re.MULTILINE))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text", type=Path, help="file with LaTeX that a model wrote")
    parser.add_argument("--preamble", type=Path, required=True, help="file with the LaTeX preamble, up to \\begin{document}")
    parser.add_argument("--out", type=Path, required=True, help="PNG file to write")
    parser.add_argument("--page", type=int, default=1, help="number of the page (default: 1)")
    args = parser.parse_args()
    try:
        out = refuse_existing(args.out)
        body = longest_balanced(args.text.read_text(encoding="utf-8"))
        if not body:
            raise ValueError(f"the text must have an environment that closes as it opened. Received: {args.text}")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            errors = typeset(body, args.preamble.read_text(encoding="utf-8"), folder)
            draw = ["pdftoppm", "-png", "-r", "90", "-f", str(args.page), "-l", str(args.page), "-singlefile", "page.pdf", "page"]
            subprocess.run(draw, cwd=folder, check=True)
            with atomic(out) as temporary:
                temporary.write_bytes((folder / "page.png").read_bytes())
    except (ValueError, OSError, subprocess.SubprocessError) as error:
        print(f"latex_page: error: {error}", file=sys.stderr)
        return 1
    print(f"{len(body):,} characters, {nesting(body).closed.total()} environments, {errors} errors of TeX: {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
