"""The documents at the root and in docs: what they link exists, and the front page leads to what must be read."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/*.md"), *ROOT.glob("services/*/*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
MUST_LEAD_TO = {"docs/intended-use.md", "docs/thresholds.md", "docs/local-codes.md", "docs/fhir.md", "CONTRIBUTING.md"}


@pytest.mark.parametrize("page", [str(path.relative_to(ROOT)) for path in PAGES])
def test_every_link_inside_the_project_leads_somewhere(page: str) -> None:
    for target in LINK.findall((ROOT / page).read_text("utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (ROOT / page).parent.joinpath(target).exists(), target


def test_the_front_page_is_short_and_leads_to_what_must_be_read() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) < 150
    assert set(LINK.findall(text)) >= MUST_LEAD_TO


def test_clinical_changes_come_first() -> None:
    headings = re.findall(r"^### (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert headings[0] == "Clinical"


def test_decisions_are_numbered_one_by_one() -> None:
    paths = sorted((ROOT / "docs" / "adr").glob("0*.md"))
    for number, path in enumerate(paths, start=1):
        text = path.read_text("utf-8")
        assert path.name.startswith(f"{number:04}-")
        assert text.startswith(f"# {number}. ")
        missing = [part for part in ("**Decision.**", "**Why", "**Cost.**") if part not in text]
        assert missing in ([], ["**Cost.**"]), path.name
