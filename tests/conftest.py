"""What all tests share: properties are judged by what they say, never by how long a busy machine takes over them."""

import os

from hypothesis import HealthCheck, settings

from tests.support.memory import scratch

os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", scratch())  # noqa: TID251 - it is how pytest is told where tmp_path lies

settings.register_profile("usual", deadline=None, suppress_health_check=(HealthCheck.too_slow,))
settings.register_profile("long", settings.get_profile("usual"), max_examples=1000)  # `make soak` takes it
settings.load_profile("usual")
