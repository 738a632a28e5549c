"""The sizes of files and functions can be read off at any time: `python tests/repo/sizes.py`, or `pytest -s` here."""

import subprocess
import sys

from tests.repo.sizes import report
from tests.repo.sources import PACKAGES, ROOT


def packages_told(report: str) -> list[str]:
    return [line.split()[0] for line in report.splitlines()[1:]]


def test_the_sizes_are_told_for_every_package_and_for_all():
    told = report()
    sys.stdout.write(f"\n{told}\n")

    assert packages_told(told) == [*PACKAGES, "all"]


def test_the_sizes_are_told_from_the_command_line():
    ran = subprocess.run(
        [sys.executable, "tests/repo/sizes.py"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )

    assert packages_told(ran.stdout) == [*PACKAGES, "all"]
