"""What tests share: the real records beside the project, where there are any."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real records; skips where this checkout has none beside it."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real records: {SHARED_DATA} does not exist")
    return SHARED_DATA
