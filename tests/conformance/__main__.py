"""``make conformance``: judges that are not ours, on a running gateway. Names on the command line choose some of them.

It needs Node (20 or later) and the package registries; what it installs lies in ``.conformance``.
"""

import argparse
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from tests.conformance.judges import JUDGES, ROOT, WORK, Judge
from tests.conformance.making import DOCUMENTS, acquainted, generated, installed, uv
from tests.conformance.stand import KEY, OPERATOR_KEY

EXAMPLES = 150
"""Made up for each operation by Schemathesis."""

_TOLD = 40
"""Lines of what a judge said that are shown when it failed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("judges", nargs="*", metavar="JUDGE", help=", ".join(judge.name for judge in JUDGES))
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="of Schemathesis for each operation")
    told = parser.parse_args()
    chosen = [judge for judge in JUDGES if not told.judges or judge.name in told.judges]
    if shutil.which("npm") is None:
        sys.exit("conformance: needs Node 20 or later, with npm")
    installed()
    generated()
    acquainted()
    with standing() as url, standing("--profile", "2026-09") as edition:
        words = {
            "url": url,
            "edition": edition,
            "key": KEY,
            "operator": OPERATOR_KEY,
            "examples": str(told.examples),
            "uv": uv(),
        }
        failed = [judge.name for judge in chosen if not judged(judge, words)]
    print("failed:", *failed) if failed else print(f"all {len(chosen)} passed")
    sys.exit(1 if failed else 0)


def judged(judge: Judge, words: dict[str, str]) -> bool:
    """Run one judge, and tell what it said at its end; all of it lies in a file."""
    log = WORK / f"{judge.name}.log"
    with log.open("w") as file:
        passed = all(_run([one.format(**words) for one in command], judge, file) for command in judge.commands)
    said = [line for line in log.read_text().splitlines() if line.strip()] or [""]
    if passed:
        print("PASS", judge.name, "-", said[-1])
    else:
        print("FAIL", judge.name, *said[-_TOLD:], sep="\n  ")
    return passed


def _run(command: list[str], judge: Judge, log: IO[str]) -> bool:
    return subprocess.run(command, check=False, cwd=judge.folder, stdout=log, stderr=log).returncode == 0


@contextmanager
def standing(*options: str) -> Iterator[str]:
    """A gateway for judges, in a process of its own; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "tests.conformance.stand", port, "--documents", str(DOCUMENTS), *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[1]
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
