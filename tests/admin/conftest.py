"""Tests of the admin serve static files from the source."""

import pytest


@pytest.fixture(autouse=True)
def _static_files_as_they_are(plain_static_files: None) -> None:
    """For every test of this package."""
