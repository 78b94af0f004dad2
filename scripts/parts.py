"""The first word of a benchmark's command line: the module that it runs."""

import importlib
import sys


def run(words, package, names, doc, program, what):
    """Call `main` of the module of a package that the first word names, with the other words; without one print `doc` and exit."""
    if not words or words[0] not in names:
        asked = not words or words[0] in ("-h", "--help")
        sys.exit(doc if asked else f"{program}: {what} must be one of {', '.join(names)}. Received: {words[0]}")
    importlib.import_module(f"{package}.{words[0]}").main(words[1:])
