"""What all suites share: how many workers, which certificate authorities, and who logs where."""

import logging
import os
from collections.abc import Iterator

import pytest


def pytest_configure() -> None:
    """Trust none of the machine's authorities: no test talks to the world, and each app takes 50 ms to read them."""
    os.environ["SSL_CERT_FILE"] = os.devnull


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One worker more than processors: some tests wait for a process, a deadline or a slow client."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Where and from which level on a test logs concerns no other test, whichever process runs it next."""
    root, ours = logging.getLogger(), logging.getLogger("cds")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
