"""What the tests of the promotion's commands share."""

import pytest


@pytest.fixture(params=["sh", "bash"])
def shell(request: pytest.FixtureRequest) -> str:
    """Name a shell that CodePipeline may run commands with."""
    return str(request.param)
