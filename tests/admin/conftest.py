"""Pages are rendered with static files as they are."""

import pytest


@pytest.fixture(autouse=True)
def _static_files_as_they_are(plain_static_files: None) -> None:
    """For every test here."""
