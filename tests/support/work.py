"""How much is done, counted and not timed: the same on every machine, however busy it is."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple


class Work(NamedTuple):
    """The calls of Python functions that something took, and the modules they went to."""

    calls: int
    modules: frozenset[str]

    def reached(self, package: str) -> bool:
        """Whether anything in the package was called."""
        return any(module == package or module.startswith(f"{package}.") for module in self.modules)


def work_of(doing: Callable[[], object]) -> Work:
    calls, modules = 0, set[str]()

    def count(frame: FrameType, event: str, _: Any) -> None:
        nonlocal calls
        if event == "call":
            calls += 1
            modules.add(frame.f_globals.get("__name__", ""))

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        doing()
    finally:
        sys.setprofile(before)
    return Work(calls, frozenset(modules))
