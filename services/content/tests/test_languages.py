"""Which language a reader gets, how the others are found, and what is checked of a translation."""

import shutil
from datetime import date
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from packaged_texts import TEXTS
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from chassis.testing import KEYS, signed
from content import languages, library, pages
from content.app import create_app
from content.settings import Settings

DAY = date(2026, 11, 23)
PATIENT = "/explanations/vitamin-b12?audience=patient"
HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return signed(create_app(Settings(internal_keys=KEYS), today=lambda: DAY)).test_client()


@pytest.mark.parametrize(
    ("asked", "accepted", "language", "missed"),
    [
        (None, "", "en", ""),
        (None, "de", "de", ""),
        (None, "de-CH, en;q=0.5", "de", ""),
        (None, "en-US, de;q=0.9", "en", ""),
        (None, "fr, de;q=0.3, en;q=0.2", "de", ""),
        (None, "fr, *;q=0.1", "en", ""),
        (None, "fr", "en", "en"),
        ("de", "en", "de", ""),
        ("DE-at", "", "de", ""),
        ("en", "de", "en", ""),
        ("fr", "de", "en", "en"),
    ],
)
def test_a_reader_gets_the_language_that_was_asked_for(
    asked: str | None, accepted: str, language: str, missed: str
) -> None:
    header = parse_accept_header(accepted, LanguageAccept)
    assert languages.choose(asked, header, ["en", "de"]) == languages.Choice(language, missed)


def test_a_page_without_a_translation_says_so_in_the_readers_language(client: FlaskClient) -> None:
    assert languages.choose("de", LanguageAccept(), ["en"]) == languages.Choice("en", "de")
    page = client.get("/explanations/vitamin-b12?lang=de", headers=HTML)
    assert '<html lang="en">' in page.text
    assert '<p class="language-note" lang="de">Diese Seite gibt es nur auf Englisch.</p>' in page.text
    assert page.headers["Content-Language"] == "en"
    french = client.get("/explanations/vitamin-b12", headers={"Accept": "text/markdown", "Accept-Language": "fr"})
    assert languages.ENGLISH.only_original in french.text
    plain = client.get("/explanations/vitamin-b12", headers={**HTML, "Accept-Language": "de, en;q=0.8"})
    assert "language-note" not in plain.text


@pytest.mark.parametrize("accept", ["text/html", "text/markdown"])
def test_a_translation_is_negotiated_in_both_forms(client: FlaskClient, accept: str) -> None:
    answers = [
        client.get(PATIENT, headers={"Accept": accept, "Accept-Language": language}) for language in ("de-AT", "en")
    ]
    german, english = answers
    assert [answer.headers["Content-Language"] for answer in answers] == ["de", "en"]
    assert german.headers["ETag"] != english.headers["ETag"]
    assert "Vitamin B12 und Ihre Bewegungen" in german.text
    assert "Wartet auf ärztliche Prüfung" in german.text
    assert "englische Seite, Version 0.2.0" in german.text
    assert "{#" not in german.text
    assert "Awaiting" not in german.text
    assert "the team that runs" not in german.text
    for answer in answers:
        assert answer.headers["Vary"] == "Accept, Accept-Language"
        assert '<vitamin-b12?audience=patient&lang=de>; rel="alternate"; hreflang="de"' in answer.headers["Link"]
    again = client.get(PATIENT, headers={"Accept": accept, "If-None-Match": german.headers["ETag"]})
    assert again.status_code == 200, "the tag of another language is not that of this one"


def test_both_languages_have_one_structure_and_lead_to_each_other(client: FlaskClient) -> None:
    english, german = (client.get(f"{PATIENT}&lang={language}", headers=HTML).text for language in ("en", "de"))
    assert '<html lang="de">' in german
    for html, other, name in ((english, "de", "Deutsch"), (german, "en", "English")):
        address = f"vitamin-b12?audience=patient&amp;lang={other}"
        assert f'<link rel="alternate" hreflang="{other}" href="{address}">' in html
        assert f'<a href="{address}" lang="{other}" hreflang="{other}">{name}</a>' in html
        assert '<h2 id="how-it-is-treated">' in html
        assert '<section class="urgent" aria-labelledby="when-to-get-help-fast">' in html
        assert '<h2 id="stay-safe">' in html
    inner = client.get("/explanations/safety?audience=patient&lang=de", headers=HTML).text
    assert 'href="red-flags?audience=patient&amp;lang=de"' in inner, "a reader stays in the language"


def test_the_list_in_german_leads_to_german_pages(client: FlaskClient) -> None:
    listing = client.get("/explanations?lang=de", headers=HTML)
    assert listing.headers["Content-Language"] == "de"
    assert listing.text.count("&amp;lang=de") >= len(TEXTS.translations)
    data = client.get("/explanations", headers={"Accept": "application/json"}).get_json()["explanations"]
    assert all(entry["languages"] == {"clinician": ["en"], "patient": ["en", "de"]} for entry in data)


def test_what_is_no_language_tag_is_refused(client: FlaskClient) -> None:
    for wrong in ("", "%3Cscript%3E", "german!", "d"):
        answer = client.get(f"{PATIENT}&lang={wrong}")
        assert (answer.status_code, answer.get_json()["issue"][0]["expression"]) == (400, ["lang"]), wrong


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(library.PACKAGED / "explanations", tmp_path / "explanations")
    for name in ("references.yaml", "bands.json"):
        shutil.copy(library.PACKAGED / name, tmp_path / name)
    return tmp_path


def change(folder: Path, old: str, new: str, name: str = "vitamin-b12.patient.de.md") -> None:
    path = folder / "explanations" / name
    text = path.read_text("utf-8")
    assert text.count(old) >= 1, old
    path.write_text(text.replace(old, new, 1), "utf-8")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        (" {#the-tests}", "", "body"),
        (" {#the-tests}", " {#tests}", "body"),
        ("- Das Gehen wird unsicher.\n", "", "body"),
        ("## Wann es eilig ist {#when-to-get-help-fast}", "## Wann es eilig ist", "body"),
        ("evidence_grade: low", "evidence_grade: high", "evidence_grade"),
        ("translates: 0.2.0", "translates: 0.3.0", "translates"),
        ("translates: 0.2.0\n", "", "translates"),
        ("language: de", "language: eo", "language"),
        ("language: de", "language: en", "translates"),
    ],
)
def test_a_translation_that_says_something_else_stops_the_start(folder: Path, old: str, new: str, field: str) -> None:
    change(folder, old, new)
    with pytest.raises(library.LibraryError) as caught:
        library.load(folder)
    assert [(fault.file, fault.field) for fault in caught.value.faults] == [("vitamin-b12.patient.de.md", field)]


def test_a_translation_without_its_original_is_a_fault(folder: Path) -> None:
    (folder / "explanations" / "diet.patient.md").unlink()
    with pytest.raises(library.LibraryError, match=r"diet.patient.de.md: file: translates a page that does not exist"):
        library.load(folder)


def test_a_translation_of_an_older_version_says_so_and_is_not_compared(folder: Path) -> None:
    change(folder, "version: 0.2.0", "version: 0.3.0", "vitamin-b12.patient.md")
    change(folder, "## The tests", "## More\n\n- Words.\n\n## The tests", "vitamin-b12.patient.md")
    texts = library.load(folder)
    (page,) = texts.outdated()
    made = pages.explanation(texts, page, "site.css", "the team", DAY)
    said = (
        "Diese Übersetzung gehört zu Version 0.2.0 der englischen Seite. Die englische Seite hat jetzt Version 0.3.0."
    )
    assert all(said in made[form].body.decode() for form in (pages.HTML, pages.MARKDOWN))
    assert "vitamin-b12?audience=patient&amp;lang=en" in made[pages.HTML].body.decode()
