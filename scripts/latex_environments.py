"""Count the LaTeX environments of a text, and how many close as they opened: what a character model has learned of nesting.

    python scripts/latex_environments.py FILE [FILE ...]

An environment is closed where `\\end{name}` meets the `\\begin{name}` that was opened last; another name there is a mistake, and so is an
`\\end` where nothing is open. What is open at the end of a text that was cut off is counted apart. Verbatim text and comments count too.
"""

import argparse
import collections
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

MARK = re.compile(r"\\(begin|end)\{([^{}\n]*)\}")


@dataclass
class Nesting:
    """What is found of environments.

    Attributes:
        closed: name -> how many closed as they opened.
        wrong: the (opened, closed) pairs of names that differ; None for nothing open.
        left: names still open at the end, from the outermost.
        deepest: most that were open at once.
    """

    closed: collections.Counter = field(default_factory=collections.Counter)
    wrong: list = field(default_factory=list)
    left: list = field(default_factory=list)
    deepest: int = 0


def nesting(text):
    r"""The `Nesting` of a text. A wrong `\end` closes what was opened last, so that one wrong name is one mistake.

    >>> found = nesting(r"\begin{a}\begin{b}\end{b}\end{c}\end{d}\begin{e}")
    >>> dict(found.closed), found.wrong, found.left, found.deepest
    ({'b': 1}, [('a', 'c'), (None, 'd')], ['e'], 2)
    """
    found = Nesting()
    for kind, name in MARK.findall(text):
        if kind == "begin":
            found.left.append(name)
            found.deepest = max(found.deepest, len(found.left))
            continue
        opened = found.left.pop() if found.left else None
        if opened == name:
            found.closed[name] += 1
        else:
            found.wrong.append((opened, name))
    return found


def longest_balanced(text):
    r"""The longest stretch of a text, from one `\begin` to one `\end`, in which each environment that opens closes.

    >>> longest_balanced(r"\end{a} \begin{x} \begin{a}\begin{b}\end{b}\end{a} \begin{c}\end{c} \end{z} \begin{d}\end{d}")
    '\\begin{a}\\begin{b}\\end{b}\\end{a} \\begin{c}\\end{c}'
    """
    best, opened, runs = (0, 0), [], [None]  # runs: where the balanced stretch begins that one is in, at each depth
    for mark in MARK.finditer(text):
        kind, name = mark.groups()
        if kind == "begin":
            opened.append((name, mark.start()))
            runs.append(None)
        elif opened and opened[-1][0] == name:
            start = opened.pop()[1]
            runs.pop()
            runs[-1] = start if runs[-1] is None else runs[-1]
            best = max(best, (runs[-1], mark.end()), key=lambda stretch: stretch[1] - stretch[0])
        else:
            opened, runs = [], [None]
    return text[slice(*best)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    for path in parser.parse_args().files:
        text = path.read_text(encoding="utf-8")
        found = nesting(text)
        closed = found.closed.total()
        print(f"{path.name}: {len(text):,} characters, {closed} of {closed + len(found.wrong)} environments close as they opened")
        print(f"  {', '.join(f'{name} {count}' for name, count in found.closed.most_common())}")
        print(f"  nested up to {found.deepest} deep; open at the end: {', '.join(found.left) or 'none'}")
        for opened, name in found.wrong:
            print(f"  wrong: {name} closes {opened or 'nothing'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
