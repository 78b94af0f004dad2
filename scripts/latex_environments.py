"""Count the LaTeX environments of a text, and how many are closed correctly. This shows what a character model has learned of nesting.

    python scripts/latex_environments.py FILE [FILE ...]

An environment is closed correctly if its `\\end{name}` matches the last open `\\begin{name}`. An `\\end` with another name, or with no open
environment, is an error. Environments that are open at the end of the text are counted separately. Verbatim text and comments count too.
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
    """The environments of a text.

    Attributes:
        closed: name -> number of environments that are closed correctly.
        wrong: (opened, closed) pairs of different names; None if no environment was open.
        left: names that are open at the end, from the outermost.
        deepest: largest number of environments open at once.
    """

    closed: collections.Counter = field(default_factory=collections.Counter)
    wrong: list = field(default_factory=list)
    left: list = field(default_factory=list)
    deepest: int = 0


def nesting(text):
    r"""Return the `Nesting` of a text. A wrong `\end` closes the last open environment, so one wrong name is one error.

    >>> result = nesting(r"\begin{a}\begin{b}\end{b}\end{c}\end{d}\begin{e}")
    >>> dict(result.closed), result.wrong, result.left, result.deepest
    ({'b': 1}, [('a', 'c'), (None, 'd')], ['e'], 2)
    """
    result = Nesting()
    for kind, name in MARK.findall(text):
        if kind == "begin":
            result.left.append(name)
            result.deepest = max(result.deepest, len(result.left))
            continue
        opened = result.left.pop() if result.left else None
        if opened == name:
            result.closed[name] += 1
        else:
            result.wrong.append((opened, name))
    return result


def longest_balanced(text):
    r"""Return the longest stretch of a text, from a `\begin` to an `\end`, in which every environment is closed correctly.

    >>> longest_balanced(r"\end{a} \begin{x} \begin{a}\begin{b}\end{b}\end{a} \begin{c}\end{c} \end{z} \begin{d}\end{d}")
    '\\begin{a}\\begin{b}\\end{b}\\end{a} \\begin{c}\\end{c}'
    """
    best, opened, runs = (0, 0), [], [None]  # runs: start of the current balanced stretch at each depth
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
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="LaTeX text, UTF-8")
    for path in parser.parse_args().files:
        text = path.read_text(encoding="utf-8")
        result = nesting(text)
        closed = result.closed.total()
        print(f"{path.name}: {len(text):,} characters, {closed} of {closed + len(result.wrong)} environments close as they opened")
        print(f"  {', '.join(f'{name} {count}' for name, count in result.closed.most_common())}")
        print(f"  nested up to {result.deepest} deep; open at the end: {', '.join(result.left) or 'none'}")
        for opened, name in result.wrong:
            print(f"  wrong: {name} closes {opened or 'nothing'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
