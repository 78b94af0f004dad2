"""Streams that end when Python does: a thread of TensorFlow that runs Python code then would hang, and the process with it."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections.abc import Iterator
from typing import TypeVar

Item = TypeVar("Item")

LEAVING = 0.1  # seconds that a thread has to leave Python after its last item


class _Gate:
    """What a running iterator holds while it makes an item."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


_gates: weakref.WeakSet[_Gate] = weakref.WeakSet()
_exiting = threading.Event()


def until_exit(items: Iterator[Item]) -> Iterator[Item]:
    """The items of an iterator, which ends when the interpreter begins to exit; the exit waits for the item that is being made.

    >>> list(until_exit(iter([1, 2])))
    [1, 2]
    """
    gate = _Gate()
    _gates.add(gate)
    while True:
        with gate.lock:
            if _exiting.is_set():
                return
            try:
                item = next(items)
            except StopIteration:
                return
        yield item


@atexit.register
def _exit() -> None:
    _exiting.set()
    gates = list(_gates)
    for gate in gates:
        gate.lock.acquire()
        gate.lock.release()
    if gates:
        time.sleep(LEAVING)
