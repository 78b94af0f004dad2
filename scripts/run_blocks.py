"""Run the Python blocks of Markdown pages, those of a page one after the other in one namespace.

    python scripts/run_blocks.py README.md [PAGE ...]

It fails at the first block that raises, and names its line. Blocks of doctests (`>>>`) are left out: `python -m doctest PAGE` runs them.
"""

import re
import sys
import time
from pathlib import Path
from types import ModuleType


def blocks(text: str) -> list[tuple[int, str]]:
    """The Python blocks of a page, with the number of the line at which each begins."""
    found = re.finditer(r"^```python\n(?!>>>)(.*?)^```", text, re.M | re.S)
    return [(text[: match.start(1)].count("\n") + 1, match[1]) for match in found]


def run(path: Path) -> int:
    """Run the blocks of a page; return their number."""
    module = ModuleType("page")  # a module, so that what is defined there can be pickled and saved
    sys.modules["page"] = module
    found = blocks(path.read_text(encoding="utf-8"))
    for line, block in found:
        exec(compile("\n" * (line - 1) + block, str(path), "exec"), module.__dict__)
    return len(found)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        began = time.perf_counter()
        print(f"{name}: {run(Path(name))} blocks ran in {time.perf_counter() - began:.0f} s", flush=True)
