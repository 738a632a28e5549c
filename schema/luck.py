"""Luck, passed in: whoever jitters takes a Luck, and a test gives one that it chose."""

from collections.abc import Callable

Luck = Callable[[], float]
"""A number from 0 to 1; ``random.random`` outside tests."""
