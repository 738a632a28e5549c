"""``filmgate demo``, ``serve`` and ``work``: thin commands over ``gateway.run`` and ``gateway.demo``."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from gateway.cli.exits import ExitCode, Stop
from gateway.cli.settings_file import config_option, loaded, read, set_option
from gateway.config.settings import without_password

if TYPE_CHECKING:  # the server is imported late: --help must answer at once
    from gateway.config.findings import Finding
    from gateway.config.settings import Settings
    from gateway.reloading import Examine

PORT = click.IntRange(1, 65_535)


@click.command()
@click.option("--port", type=PORT, default=8080, show_default=True, help="The first port to try.")
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    default=20,
    show_default=True,
    help="How much faster than real time the simulated providers work.",
)
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=".filmgate",
    show_default=True,
    help="Where the demo keeps its database, its videos and its key.",
)
def demo(port: int, speed: float, directory: Path) -> None:
    """Run the gateway with simulated providers: no keys, and nothing leaves this machine."""
    from gateway.demo import run

    with failures_told():
        run(port=port, speed=speed, directory=directory)


@click.command()
@config_option
@set_option
@click.option("--no-worker", is_flag=True, help="Answer requests only; `filmgate work` does the rest elsewhere.")
def serve(config_file: Path, options: tuple[str, ...], no_worker: bool) -> None:
    """Run the gateway. SIGHUP makes it read the configuration file again."""
    settings = loaded(config_file, options)
    from gateway import run

    with failures_told():
        run.serve(settings, worker=not no_worker, examine=_again(config_file, options))


@click.command()
@config_option
@set_option
def work(config_file: Path, options: tuple[str, ...]) -> None:
    """Run a worker without the HTTP server. SIGHUP makes it read the configuration file again."""
    settings = loaded(config_file, options)
    from gateway import run

    with failures_told():
        run.work(settings, examine=_again(config_file, options))


def _again(config_file: Path, options: tuple[str, ...]) -> "Examine":
    """Reads the same file once more, under the same options."""

    def examine() -> "tuple[Settings | None, list[Finding]]":
        reading = read(config_file, options)
        return reading.settings, list(reading.findings)

    return examine


@contextmanager
def failures_told() -> Iterator[None]:
    """What an operator can mend (a port or a database in use, a database that is away) in words, not as a traceback."""
    from gateway.assets import AssetStoreFailed
    from gateway.policy.sealing import CanNotOpen
    from gateway.store.database import StoreError, StoreUnavailable

    try:
        yield
    except StoreUnavailable as error:
        raise Stop(ExitCode.TRY_AGAIN, f"the database can not be used now: {without_password(str(error))}") from error
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        hint = "stop what uses it, or set server.listen to another" if taken else "filmgate doctor says more"
        raise Stop(ExitCode.FAILED, f"{error}; {hint}") from error
    except CanNotOpen as error:
        raise Stop(ExitCode.FAILED, str(error)) from error
    except AssetStoreFailed as error:
        raise Stop(ExitCode.FAILED, f"{error}; see assets.url and assets.options, filmgate doctor says more") from error
    except StoreError as error:
        raise Stop(ExitCode.FAILED, f"{without_password(str(error))}; filmgate doctor says more") from error
