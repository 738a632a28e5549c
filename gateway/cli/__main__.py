"""``python -m gateway.cli``"""

from gateway.cli.program import main

main(prog_name="filmgate")
