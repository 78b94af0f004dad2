"""The examples in the docstrings of `scripts/`, and the page of LaTeX."""

import doctest
import importlib
import shutil

import pytest
from support import ROOT

SCRIPTS = ROOT / "scripts"
WITH_EXAMPLES = sorted(path.stem for path in SCRIPTS.glob("*.py") if ">>> " in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_of_scripts_hold(name):
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted and not found.failed


@pytest.mark.skipif(
    not (shutil.which("pdflatex") and shutil.which("pdftoppm")), reason="pdflatex and pdftoppm, which draw, are not installed"
)
def test_a_page_of_latex_is_drawn(tmp_path, monkeypatch, capsys):
    import latex_page as page

    (tmp_path / "preamble.tex").write_text(r"\documentclass{article}")
    (tmp_path / "text.tex").write_text(r"\end{center} \begin{center} \input{/etc/hostname} $x^2$ \unknown \end{center} \begin{center}")
    words = ["latex_page.py", str(tmp_path / "text.tex"), "--preamble", str(tmp_path / "preamble.tex"), "--out", str(tmp_path / "page.png")]
    monkeypatch.setattr("sys.argv", words)
    assert page.main() == 0
    assert "1 environments, 1 errors of TeX" in capsys.readouterr().out and (tmp_path / "page.png").stat().st_size > 1000
    assert page.main() == 1 and "nothing is overwritten" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", [*words[:-1], str(tmp_path / "second.png"), "--page", "9"])
    assert page.main() == 1 and "latex_page: error" in capsys.readouterr().err and not (tmp_path / "second.png").exists()
