"""Fixtures of all tests."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Where and from which level on a test logs concerns no other test, whichever process runs it next."""
    root, ours = logging.getLogger(), logging.getLogger("cds")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
