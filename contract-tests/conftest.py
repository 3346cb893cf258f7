"""Fixtures of the contract tests.

`CDS_BASE_URL` points them at a running gateway; `CDS_SCREENING_URL` and `CDS_CONTENT_URL`, if given together with
`CDS_INTERNAL_KEY_FILE`, at the services behind it. Without them the three services of this checkout are started in
threads on free loopback ports.
"""

import io
import logging
import os
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from chassis import logs

sys.path.insert(0, str(Path(__file__).parent))

from contract.client import Client
from contract.stack import Stack, own_stack

SHARED = Path(__file__).parents[2] / "shared"

collect_ignore = ["browser"]  # has tools of its own: make browser


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "promise(*names): the requirements and public checks that a test proves")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if base := os.environ.get("CDS_BASE_URL", "").rstrip("/"):
        inner = [os.environ.get(name, "").rstrip("/") for name in ("CDS_SCREENING_URL", "CDS_CONTENT_URL")]
        secret = os.environ.get("CDS_INTERNAL_KEY_FILE", "")
        keys = tuple(Path(secret).read_bytes().split()) if secret else ()
        yield Stack(base, *(inner if keys else ("", "")), ours=False, internal_keys=keys)
        return
    with own_stack(tmp_path_factory.mktemp("state")) as started:
        yield started


@pytest.fixture(scope="session")
def door(stack: Stack) -> Client:
    """The public door: the gateway."""
    return Client(stack.gateway)


@pytest.fixture(scope="session")
def screening(stack: Stack) -> Client:
    """Screening without the gateway."""
    if not stack.screening:
        pytest.skip("CDS_BASE_URL is given without CDS_SCREENING_URL: screening cannot be called alone")
    return Client(stack.screening, internal_keys=stack.internal_keys)


@pytest.fixture(scope="session")
def content(stack: Stack) -> Client:
    """Content without the gateway."""
    if not stack.content:
        pytest.skip("CDS_BASE_URL is given without CDS_CONTENT_URL: content cannot be called alone")
    return Client(stack.content, internal_keys=stack.internal_keys)


@pytest.fixture(scope="session")
def services(door: Client) -> dict[str, dict[str, Any]]:
    """Hook -> service, from discovery."""
    return door.services()


@pytest.fixture(scope="session")
def today() -> date:
    """The day by which the services reckon."""
    return datetime.now(UTC).date()


@pytest.fixture
def logged(stack: Stack) -> Iterator[io.StringIO]:
    """What our services write to their logs during one test, formatted as in production."""
    if not stack.ours:
        pytest.skip("CDS_BASE_URL is given: the logs of that stack cannot be read from here")
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("contract-tests", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The material beside the project, which users do not have."""
    if not SHARED.is_dir():
        pytest.skip("the shared folder is not beside this checkout")
    return SHARED
