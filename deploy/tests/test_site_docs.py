"""The onboarding checklists say what is so: keys, queries, refusals, clients entries, links and the test call."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from chassis.testing import KEYS, signed
from gateway import clients
from screening.app import create_app
from screening.knowledge import loading
from screening.services import BY_ID, prefetch_names, prefetch_templates
from screening.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "docs/sites").glob("*.md")), ROOT / "docs/prefetch-doctor.md"]
SITES = ("athena", "epic", "oracle", "sandbox")
SOURCES = ("gateway/src/gateway", "services/screening/src/screening")
DIRECT = ("Observation?", "Condition?", "MedicationRequest?", "MedicationStatement?", "Procedure?", "ServiceRequest?")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
each_site = pytest.mark.parametrize("site", SITES)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def site_page(site: str) -> str:
    return text_of(ROOT / "docs/sites" / f"{site}.md")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def codes(text: str) -> list[str]:
    """What stands between backticks, outside of blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


@cache
def said() -> tuple[str, ...]:
    """Every text in the sources, with "..." where a value is filled in."""
    return tuple(_said())


def _said() -> Iterator[str]:
    for folder in SOURCES:
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(text_of(file))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value
                if isinstance(node, ast.JoinedStr):
                    yield "".join(str(p.value) if isinstance(p, ast.Constant) else "..." for p in node.values)


def test_there_is_a_page_for_each_ehr_and_a_way_to_it() -> None:
    index = text_of(ROOT / "docs/sites/README.md")
    assert all(f"({site}.md)" in index for site in SITES)
    assert {page.stem for page in PAGES} == {*SITES, "README", "prefetch-doctor"}


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), target
        if anchor:
            headings = [re.sub(r"[^a-z0-9 -]", "", h.lower()) for h in re.findall(r"^#+ (.*)$", text_of(file), re.M)]
            assert anchor in [heading.replace(" ", "-") for heading in headings], target


@each_page
def test_a_query_that_is_printed_is_a_template(page: Path) -> None:
    """Pages refer to the doctor, whose sheet follows the release; what they do print must be right."""
    queries = set(prefetch_templates(loading.code_book(), "https://dystonia-cds.example/fhir").values())
    printed = [code for code in codes(text_of(page)) if code.startswith(DIRECT) or code.startswith("Patient/{{")]
    assert set(printed) <= queries
    assert "doctor" in text_of(page)


@each_page
def test_keys_and_services_that_are_named_exist(page: Path) -> None:
    text = text_of(page)
    assert set(re.findall(r"\blabs_[a-z0-9_]+", text)) <= set(prefetch_names())
    assert set(re.findall(r"\bdystonia-(?:patient|order)-[a-z]+", text)) <= set(BY_ID)


def test_the_checklist_for_typing_by_hand_names_every_key() -> None:
    assert set(prefetch_names()) <= set(codes(site_page("epic")))


@each_page
def test_refusals_are_quoted_as_they_are_said(page: Path) -> None:
    quoted = [code for code in codes(text_of(page)) if re.match(r"(The|This|There|Feedback) \w+.* ", code)]
    for quote in quoted:
        parts = [part.strip() for part in quote.split("...") if part.strip(" .")]
        assert any(all(part in words for part in parts) for words in said()), quote


def test_the_page_of_refusals_is_not_empty() -> None:
    index = text_of(ROOT / "docs/sites/README.md")
    assert len(re.findall(r"^\| [45]\d\d \| `", index, re.M)) >= 12


@pytest.mark.parametrize("site", [site for site in SITES if site != "sandbox"])
def test_entries_of_the_clients_file_are_right(site: str, tmp_path: Path) -> None:
    (entry,) = blocks(site_page(site), "yaml")
    file = tmp_path / "clients.yaml"
    file.write_text(entry, encoding="utf-8")
    read = clients.read(str(file))
    assert [str(fault) for fault in read.faults] == []
    (client,) = read.clients
    assert (client.name, client.dialect) == (f"example-{site}", site)
    assert f"CLIENT=example-{site}" in site_page(site)


@each_page
def test_what_the_doctor_is_said_to_show_is_what_it_shows(page: Path) -> None:
    shown = re.findall(r"[Dd]octor shows `([a-z-]+)`", text_of(page))
    words = set(said())
    for what in shown:
        assert what in words or (what.startswith("fetch-") and what.removeprefix("fetch-") in words), what


@each_site
def test_every_checklist_has_the_same_steps(site: str) -> None:
    text = site_page(site)
    assert text.count("- [ ] ") >= 8
    for step in ("prefetch", "scopes", "override reasons", "test", "common failures", "success"):
        assert step in text.lower(), step


def test_the_test_call_gets_the_card_that_is_promised() -> None:
    (call,) = blocks(text_of(ROOT / "docs/sites/README.md"), "json")
    app = signed(create_app(Settings(identity_key=b"only-for-tests-only-for-tests-00", internal_keys=KEYS)))
    answer = app.test_client().post("/cds-services/dystonia-patient-view", json=json.loads(call))
    assert answer.status_code == 200
    (card,) = answer.get_json()["cards"]
    assert card["source"]["topic"]["code"] == "DataNotAssessed"
