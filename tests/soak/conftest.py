"""What every kill loop needs."""

import os
import random

import pytest


@pytest.fixture
def seed() -> int:
    """Another one each time, unless `SOAK_SEED` names one; it stands in every complaint."""
    return int(os.environ.get("SOAK_SEED") or random.SystemRandom().randrange(1 << 32))
