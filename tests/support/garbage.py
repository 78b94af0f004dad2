"""Feeds garbage to every argument of a callable, and says what became of it."""

import contextlib
import inspect
import math
import signal
import traceback
import types
import typing
from dataclasses import dataclass, field

import numpy as np

SECONDS = 30  # after which a call hangs


class Nothing:
    """An object that is nothing that any argument takes."""

    def __repr__(self):
        return "Nothing()"


GARBAGE = [
    None,
    True,
    "False",
    "garbage",
    "",
    b"bytes",
    -1,
    0,
    3,
    2.5,
    10**12,
    10**15,
    2**64,
    math.nan,
    math.inf,
    -0.5,
    1j,
    [],
    [0, 0],
    [1, "a"],
    [[1.5]],
    {},
    {"class_name": "None", "config": None},
    Nothing(),
    len,
    np.array([]),
    np.array([1.0, np.nan]),
    np.zeros([2, 3], "int64"),
    np.array("a"),
]
FEW = [None, "False", "garbage", "", -1, 2.5, 10**15, math.nan, [], [1, "a"], Nothing(), np.array([1.0, np.nan])]


@dataclass
class Case:
    """A callable with arguments that it takes.

    Attributes:
        call: the callable.
        base: keyword arguments that work.
        extra: names of arguments that it passes on, which its signature does not list.
        left_out: names of arguments that are not probed.
    """

    call: typing.Any
    base: dict = field(default_factory=dict)
    extra: tuple = ()
    left_out: tuple = ()

    def names(self):
        """The arguments to probe."""
        parameters = inspect.signature(self.call).parameters.values()
        listed = [p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name != "name"]
        return [name for name in dict.fromkeys([*listed, *self.base, *self.extra]) if name not in self.left_out]

    def hints(self):
        """The annotations by name."""
        function = self.call.__init__ if inspect.isclass(self.call) else self.call
        try:
            return typing.get_type_hints(function)
        except (NameError, TypeError):
            return {}


def excludes(hint, value):
    """Whether an annotation of plain types says that a value is none of them; False where it is not of plain types alone.

    >>> excludes(bool, "False"), excludes(int | None, None), excludes(typing.Any, 3), excludes(float, 1)
    (True, False, False, False)
    """
    union = typing.get_origin(hint) in (types.UnionType, typing.Union)
    kinds = typing.get_args(hint) if union else (hint,)
    fits = []
    for kind in kinds:
        if typing.get_origin(kind) is typing.Literal:
            fits.append(isinstance(value, str) and value in typing.get_args(kind))
        elif kind in (bool, int, float, str, type(None)):
            allowed = {bool: (bool, np.bool_), int: (int, np.integer), float: (int, float, np.number)}.get(kind, kind)
            flag = isinstance(value, bool) and kind in (int, float)
            fits.append(isinstance(value, allowed) and not flag and not isinstance(value, complex))
        else:
            return False
    return not any(fits)


class Hang(BaseException):
    """A call took too long."""


@contextlib.contextmanager
def limited(seconds):
    def stop(*_):
        raise Hang

    kept = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, kept)


def outcome(case, name, value, hints):
    """What a call makes of one argument: "refused", "accepted", "swallowed", or "deep", with words for the last two.

    It is refused by a ValueError or TypeError of tfar itself that says what was received, and names the argument or the value. It is
    swallowed where it is accepted though the annotation excludes it. All else comes from deep inside: a hang too.
    """
    try:
        with limited(SECONDS):
            case.call(**{**case.base, name: value})
    except Hang:
        return "deep", "it hangs"
    except Exception as error:
        innermost = traceback.extract_tb(error.__traceback__)[-1].filename
        told = isinstance(error, ValueError | TypeError | OSError | NotImplementedError) and "Received" in str(error)
        if told and "/tfar/" in innermost and "site-packages" not in innermost:
            return "refused", ""
        words = str(error).strip().partition("\n")[0][:90]
        return "deep", f"{type(error).__name__}: {words} ({innermost.rpartition('/')[2]})"
    return ("swallowed", "it is accepted") if name in hints and excludes(hints[name], value) else ("accepted", "")


def probe(cases, garbage=GARBAGE):
    """Feed garbage to all arguments of cases by name; return the number of probes, and the faults as lines."""
    count, faults = 0, []
    for label, case in cases.items():
        hints = case.hints()
        for name in case.names():
            for value in garbage:
                count += 1
                kind, words = outcome(case, name, value, hints)
                if kind in ("deep", "swallowed"):
                    faults.append(f"{label}({name}={value!r}): {kind}: {words}")
    return count, faults
