"""The sizes of files and functions can be read off at any time: `python tests/repo/sizes.py`, or `pytest -s` here."""

import runpy
import sys

from tests.repo.sources import PACKAGES, ROOT


def test_the_sizes_are_told_for_every_package_and_for_all(capsys):
    runpy.run_path(str(ROOT / "tests/repo/sizes.py"), run_name="__main__")

    told = capsys.readouterr().out
    with capsys.disabled():
        sys.stdout.write(f"\n{told}")
    assert [line.split()[0] for line in told.splitlines()[1:]] == [*PACKAGES, "all"]
