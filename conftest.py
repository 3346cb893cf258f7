"""What all suites share: how many workers, and which certificate authorities."""

import os

import pytest


def pytest_configure() -> None:
    """Trust none of the machine's authorities: no test talks to the world, and each app takes 50 ms to read them."""
    os.environ["SSL_CERT_FILE"] = os.devnull


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One worker more than processors: some tests wait for a process, a deadline or a slow client."""
    return (os.cpu_count() or 1) + 1
