"""The process's environment: read here and nowhere else."""

import os
from collections.abc import Mapping


def environment() -> Mapping[str, str]:
    """The variables secrets may come from."""
    return os.environ  # noqa: TID251 -- the one place; everybody else takes a mapping
