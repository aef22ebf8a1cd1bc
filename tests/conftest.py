"""What the tests of the core share."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.canary import Logs

# A busy machine is no fault of the code: an example may take as long as it takes.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


@pytest.fixture
def logs(caplog: pytest.LogCaptureFixture) -> Logs:
    """Give all that is written to any logger."""
    return Logs(caplog)
