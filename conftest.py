"""What all suites share: how many workers, which certificate authorities, who logs where, whose a thread is."""

import logging
import os
import threading
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


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """The threads that begin in this test, and those that they begin: others in the process belong to other tests."""
    ours = [threading.current_thread()]
    begun: list[threading.Thread] = []
    start = threading.Thread.start

    def noted(thread: threading.Thread) -> None:
        if threading.current_thread() in (*ours, *begun):
            begun.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", noted)
    return begun
