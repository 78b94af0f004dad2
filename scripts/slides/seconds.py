"""How long the sections take, as the page says it; `scripts/lecture.py --time` measures it."""

from slides.protocol import number


def regions(found):
    """The sentences of the page: for the pictures, and for figures measured anew where the time of every section is known.

    >>> regions({"chain": {"drawn": 7.1, "measured": 9.0}, "rnn": {"drawn": 20.0}})["all"]
    'From the figures in `results`, the pictures take 27 s: chain 7, rnn 20.'
    >>> regions({"chain": {"drawn": 7.1, "measured": 90.0}})["all"]
    'From the figures in `results`, the pictures take 7 s: chain 7. With `--again`, which measures anew, they take 90 s: chain 90.'
    """
    drawn = f"From the figures in `results`, the pictures take {listed(found, 'drawn')}."
    if not all("measured" in one for one in found.values()):
        return {"all": drawn}
    return {"all": f"{drawn} With `--again`, which measures anew, they take {listed(found, 'measured')}."}


def listed(found, kind):
    """The seconds of all sections, and of each."""
    each = ", ".join(f"{name} {number(one[kind], 0)}" for name, one in found.items())
    return f"{number(sum(one[kind] for one in found.values()), 0)} s: {each}"
