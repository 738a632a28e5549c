"""Makes the shared contract's asserts speak as plainly as a test file's own."""

import pytest

pytest.register_assert_rewrite("tests.providers.contract")
