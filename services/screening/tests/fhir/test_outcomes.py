"""Every outcome has words for the integrator, and stands on the page."""

import re
from pathlib import Path

from screening.fhir import outcomes

PAGE = Path(__file__).parents[4] / "docs" / "data-access.md"
ALL = {value for name, value in vars(outcomes).items() if name.isupper() and isinstance(value, str)}


def test_every_outcome_has_words() -> None:
    prefetch = {"delivered", "none", "absent", "failed", "partial", "wrong-type", "wrong-patient"}
    prefetch |= {"too-many", "unknown-product"}
    assert set(outcomes.PREFETCH_WORDS) == prefetch
    assert set(outcomes.EHR_WORDS) == ALL - {"absent"}


def test_every_outcome_and_nothing_else_stands_on_the_page() -> None:
    table = PAGE.read_text("utf-8").partition("## Outcomes")[2]
    told = {
        name for row in re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)
    }
    assert told == ALL
