"""Makes the FHIR samples importable; a stub EHR, and what was made to ask it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "fhir"))

import ehr_calls
import stub_ehr
from stub_ehr import Reply, Stub, searchset


@pytest.fixture
def stub() -> Iterator[Stub]:
    """An EHR that answers everything with one condition."""
    with stub_ehr.running(lambda _: Reply(body=searchset(ehr_calls.ONE))) as made:
        yield made


@pytest.fixture(autouse=True)
def _closing() -> Iterator[None]:
    yield
    ehr_calls.close_all()
