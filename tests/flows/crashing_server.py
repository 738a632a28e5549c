"""The real server, told where to die.

At the nth passage of the point it kills itself as nothing else can: no handler runs, nothing is flushed, no lock is let
go of but by the kernel.
"""

import os
import signal

from gateway.config.load import load
from gateway.probe import Point
from gateway.run import serve
from gateway.wiring import Seams
from tests.support.certificates import certificates


def main(config: str, point: str = "", nth: str = "1") -> None:
    left = int(nth)

    def probe(passed: Point) -> None:
        nonlocal left
        if passed == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    serve(load(config, {}), seams=Seams(probe=probe, verify=certificates()))
