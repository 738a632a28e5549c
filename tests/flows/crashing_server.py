"""The real server, told where to die: ``python -m tests.flows.crashing_server CONFIG [POINT NTH]``.

At the nth passage of the point it kills itself as nothing else can: no handler runs, nothing is flushed, no lock is let
go of but by the kernel.
"""

import os
import signal
import sys

from gateway.config.load import load
from gateway.run import serve
from gateway.wiring import Seams


def main(config: str, point: str = "", nth: str = "1") -> None:
    left = int(nth)

    def probe(passed: str) -> None:
        nonlocal left
        if passed == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    serve(load(config, {}), seams=Seams(probe=probe))


if __name__ == "__main__":
    main(*sys.argv[1:])
