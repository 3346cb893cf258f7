"""What the bibliography says about how it was looked up."""

import re
from pathlib import Path

import pytest
from packaged_texts import TEXTS

from content import library, pages
from content.library import Reference

RULES = Path(__file__).parents[3].parent / "shared" / "clinical" / "rules.md"

FROM_MEMORY = {
    "de Souza": "movements-b12-2014",
    "Pacchetti": "pacchetti-2002",
    "Schuelke": "genereviews-aved",
    "Pearson": "pearson-2016",
    "El Euch-Fayache": "el-euch-fayache-2014",
    "Winbauer": "winbauer-1999",
    "Morrissey": "vitamin-e-status-1999",
    "Thurnham": "thurnham-1986",
    "Roubertie": "roubertie-2003",
    "Angelini": "angelini-2002",
    "Becker": "becker-2016",
    "Takagi": "takagi-2002",
    "Hogarth": "nbia-2015",
    "Schilsky": "aasld-wilson-2022",
    "J Hepatol 2012": "easl-wilson-2012",
    "Practical Neurology": "nitrous-oxide-2023",
}
"""What the rules mark as written from memory, and the entry that says what became of it."""


@pytest.mark.parametrize("key", sorted(set(FROM_MEMORY.values())))
def test_what_was_written_from_memory_is_confirmed_or_shown_as_unconfirmed(key: str) -> None:
    entry = TEXTS.references[key]
    text = pages.citation(entry)
    assert entry.confirmed == ("(unconfirmed)" not in text)
    if not entry.confirmed:
        assert entry.seen, "says where it was looked for"
        assert entry.note, "says what is missing"


def test_the_bibliography_page_shows_where_entries_were_looked_up() -> None:
    html = pages.bibliography(TEXTS, "site.css")[pages.HTML].body.decode()
    for entry in (TEXTS.references["thurnham-1986"], TEXTS.references["genereviews-aved"]):
        part = html.split(f'id="ref-{entry.key}"')[1].split("</li>")[0]
        assert entry.seen
        assert entry.seen in part
        assert ("(unconfirmed)" in part) != entry.confirmed


def test_the_2012_guideline_of_easl_says_that_a_newer_one_must_be_checked() -> None:
    note = TEXTS.references["easl-wilson-2012"].note
    assert note is not None
    assert "2025" in note
    assert "must be checked before publication" in note


def test_a_source_of_the_rules_may_stand_without_a_page() -> None:
    rule = Reference("a", "A Journal", confirmed=True, of_rules=True)
    stray = Reference("b", "A Journal", confirmed=True)
    faults = library._check_together(library.Library("", {}, {}, {"a": rule, "b": stray}, {}, {}))
    assert [(fault.file, fault.field) for fault in faults] == [("references.yaml", "b")]


def test_no_source_is_listed_twice() -> None:
    for part in ("doi", "pmid", "url"):
        values = [value for one in TEXTS.references.values() if (value := getattr(one, part)) is not None]
        assert len(values) == len(set(values)), part


@pytest.mark.skipif(not RULES.exists(), reason="../shared is not beside the project")
def test_the_bibliography_has_every_source_of_the_rules() -> None:
    rules = RULES.read_text(encoding="utf-8")
    evidence = rules[rules.index("## 1.1 Module B12") : rules.index("## 1.7 ")]
    dois = {doi.rstrip(").,;") for doi in re.findall(r"doi:(10\.\S+)", evidence)}
    pmids = set(re.findall(r"PMID (\d+)", evidence))
    assert dois
    assert pmids
    assert dois <= {one.doi for one in TEXTS.references.values()}
    assert pmids <= {one.pmid for one in TEXTS.references.values()}


@pytest.mark.skipif(not RULES.exists(), reason="../shared is not beside the project")
@pytest.mark.parametrize("name", sorted(FROM_MEMORY))
def test_the_rules_still_name_what_was_looked_up(name: str) -> None:
    assert any(name in line and "[M" in line for line in RULES.read_text(encoding="utf-8").splitlines())
