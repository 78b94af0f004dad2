"""README and the pages of docs: their links lead somewhere, and their Python runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from run_blocks import blocks

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
WITH_CODE = [page for page in PAGES if blocks(page.read_text(encoding="utf-8"))]


def anchors(page):
    """The anchors of the headings of a page, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_exist(page):
    text = re.sub(r"^```.*?^```|^    .*?$|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)  # without code
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith(("http:", "https:", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150


def marked(page):
    return pytest.param(page, id=page.name, marks=() if page.name == "README.md" else pytest.mark.slow)


@pytest.mark.parametrize("page", list(map(marked, WITH_CODE)))
def test_python_runs(page, tmp_path):
    (tmp_path / "saved_models").symlink_to(ROOT / "saved_models")
    done = subprocess.run([sys.executable, ROOT / "scripts" / "run_blocks.py", page], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
