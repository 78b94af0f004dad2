"""What an unknown name may be a slip of."""

import difflib
from collections.abc import Iterable

CLOSE = 0.75  # as `difflib.get_close_matches` counts it


def did_you_mean(name: str, known: Iterable[str], cutoff: float = CLOSE, shown: str = "{}") -> str:
    """A question about an unknown name, with a space before it, in which a known one is `shown`; "" where none is like it.

    >>> did_you_mean("digit", ["mnist", "digits"]), did_you_mean("digit", ["mnist"])
    (' Did you mean digits?', '')
    """
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return f" Did you mean {shown.format(close[0])}?" if close else ""
