"""Every script is run by every shell there is."""

import pytest

from tests.support.shells import SHELLS


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)
