"""Figures that a test measured: shown with ``pytest -s``, judged by the test itself."""

import sys


def told(text: str) -> None:
    sys.stdout.write(f"\n{text}\n")
