"""The addresses of the content service, as the gateway, the screening service and a browser see them."""

import re
from datetime import date

import pytest
from flask import Flask
from flask.testing import FlaskClient
from packaged_texts import TEXTS

from chassis.testing import KEYS, signed
from content.app import create_app
from content.settings import Settings

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
MARKDOWN = {"Accept": "text/markdown"}

SUBJECTS = len({slug for slug, _ in TEXTS.explanations})


def app_on(day: date, contact: str = "the example team") -> Flask:
    return signed(create_app(Settings(internal_keys=KEYS, report_contact=contact), today=lambda: day))


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return app_on(date(2026, 11, 22)).test_client()


def test_snapshot_holds_all_card_texts_and_their_status(client: FlaskClient) -> None:
    answer = client.get("/snapshot")
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    snapshot = answer.get_json()
    assert set(snapshot) == {"version", "explanations", "references"}
    assert snapshot["references"]["bertram-2012"] == {"unconfirmed": []}
    assert snapshot["references"]["movements-b12-2014"] == {"unconfirmed": ["authors"]}
    b12 = snapshot["explanations"]["vitamin-b12"]
    assert b12["path"] == "/explanations/vitamin-b12"
    assert b12["checker"] == "awaiting clinical sign-off"
    assert b12["reviewed"] is None
    assert b12["review_by"] == "2027-05-31"
    assert b12["evidence_grade"] == "low"
    assert set(b12) == {
        "title", "path", "card_text", "evidence_grade", "evidence_reason", "version", "reviewed", "review_by",
        "checker",
    }  # fmt: skip
    for entry in snapshot["explanations"].values():
        assert entry["card_text"]
        assert client.get(entry["path"]).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/snapshot", "/explanations", "/explanations/vitamin-b12", "/bibliography", "/explanations-assets/site.css"],
)
def test_answers_are_revalidated_by_a_strong_etag(client: FlaskClient, path: str) -> None:
    first = client.get(path)
    etag = first.headers["ETag"]
    assert etag.startswith('"')
    again = client.get(path, headers={"If-None-Match": etag})
    assert again.status_code == 304
    assert again.data == b""
    assert again.headers["ETag"] == etag
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    assert "Cache-Control" in first.headers


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "text/html"),
        ("*/*", "text/html"),
        ("text/*", "text/html"),
        (BROWSER["Accept"], "text/html"),
        ("text/markdown", "text/markdown"),
        ("text/markdown, text/html;q=0.5", "text/markdown"),
        ("text/markdown;q=0.5, text/html", "text/html"),
        ("text/markdown;q=0, */*", "text/html"),
        ("application/pdf", "text/html"),
    ],
)
def test_the_form_of_a_page_is_negotiated(client: FlaskClient, accept: str, media_type: str) -> None:
    answer = client.get("/explanations/manganese", headers={"Accept": accept} if accept else {})
    assert answer.mimetype == media_type
    assert answer.headers["Vary"] == "Accept, Accept-Language"
    assert answer.headers["Content-Language"] == "en"


def test_forms_and_audiences_have_etags_of_their_own(client: FlaskClient) -> None:
    etags = {
        client.get(f"/explanations/vitamin-e{audience}", headers=headers).headers["ETag"]
        for audience in ("", "?audience=patient")
        for headers in (BROWSER, MARKDOWN)
    }
    assert len(etags) == 4


def test_audience(client: FlaskClient) -> None:
    default = client.get("/explanations/vitamin-b12").text
    assert default == client.get("/explanations/vitamin-b12?audience=clinician").text
    patient = client.get("/explanations/vitamin-b12?audience=patient").text
    assert "<h1>Vitamin B12 and your movements</h1>" in patient
    assert 'href="vitamin-b12?audience=patient"' in default
    assert 'href="vitamin-b12?audience=clinician"' in patient


def test_index_as_page_and_as_json(client: FlaskClient) -> None:
    page = client.get("/explanations", headers=BROWSER)
    assert page.mimetype == "text/html"
    assert page.text.count("Awaiting clinical sign-off") == SUBJECTS
    listing = client.get("/explanations", headers={"Accept": "application/json"}).get_json()["explanations"]
    assert [entry["slug"] for entry in listing] == sorted(entry["slug"] for entry in listing)
    assert len(listing) == SUBJECTS
    for entry in listing:
        assert entry["audiences"] == ["clinician", "patient"]
        assert f'href="explanations/{entry["slug"]}"' in page.text
    assert 'href="thresholds"' in page.text  # of the gateway, which stands in front of both


def test_bibliography_tells_what_is_unconfirmed(client: FlaskClient) -> None:
    entries = client.get("/bibliography", headers={"Accept": "application/json"}).get_json()["references"]
    by_key = {entry["key"]: entry for entry in entries}
    assert by_key["pacchetti-2002"]["confirmed"] is False
    assert "authors" in by_key["pacchetti-2002"]["unconfirmed"]
    assert by_key["kumar-2004"]["cited_by"] == ["vitamin-b12"]
    assert {"safety", "vitamin-b12"} <= set(by_key["bsh-2014"]["cited_by"])
    assert "(unconfirmed)" in client.get("/bibliography", headers=BROWSER).text


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/explanations/vitamin-z", 404, "not-found"),
        ("/explanations/<script>", 404, "not-found"),
        ("/explanations/vitamin-b12?audience=dog", 400, "invalid"),
        ("/explanations/vitamin-b12?audience=", 400, "invalid"),
        ("/explanations-assets/../settings.py", 404, "not-found"),
        ("/explanations-assets/nothing.css", 404, "not-found"),
        ("/nothing", 404, "not-found"),
    ],
)
def test_refusals(client: FlaskClient, path: str, status: int, code: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.mimetype == "application/fhir+json"
    assert answer.get_json()["resourceType"] == "OperationOutcome"
    assert answer.get_json()["issue"][0]["code"] == code
    assert "script" not in answer.text


def test_a_browser_gets_a_readable_refusal(client: FlaskClient) -> None:
    answer = client.get("/explanations/%3Cscript%3E", headers=BROWSER)
    assert answer.status_code == 404
    assert answer.mimetype == "text/html"
    assert "<h1>This page cannot be shown</h1>" in answer.text
    assert "script" not in answer.text
    assert 'href="../explanations"' in answer.text
    assert client.get("/explanations/safety?audience=dog", headers=BROWSER).status_code == 400


def test_other_methods_are_refused(client: FlaskClient) -> None:
    answer = client.post("/explanations/safety", data=b"x")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert client.head("/explanations/safety").status_code == 200


@pytest.mark.parametrize("path", ["/explanations", "/explanations/safety", "/snapshot", "/nothing", "/healthz"])
def test_every_answer_is_guarded(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == "'self'"
    assert policy["img-src"] == "'self'"
    assert policy["base-uri"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_pages_load_nothing_from_elsewhere(client: FlaskClient) -> None:
    for path in ("/explanations", "/explanations/safety", "/bibliography"):
        html = client.get(path, headers=BROWSER).text
        assert 'src="' not in html
        sheets = [line for line in html.splitlines() if "<link" in line]
        assert len([line for line in sheets if "explanations-assets/" in line]) == 2
        assert all("explanations-assets/" in line or 'rel="alternate"' in line for line in sheets)
        assert all("://" not in line for line in sheets)
    css = client.get("/explanations-assets/site.css").text
    assert "url(" not in css
    assert "@import" not in css


def test_the_stylesheet_is_kept_only_under_the_version_that_it_has(client: FlaskClient) -> None:
    (linked,) = re.findall(r'href="([^"]*site[.]css[^"]*)"', client.get("/explanations", headers=BROWSER).text)
    assert client.get("/" + linked.removeprefix("./")).headers["Cache-Control"] == "public, max-age=86400"
    for other in ("", "?v=", "?v=000000000000"):
        assert client.get(f"/explanations-assets/site.css{other}").headers["Cache-Control"] == "no-cache"


def test_health(client: FlaskClient) -> None:
    assert client.get("/healthz").get_json()["status"] == "ok"
    assert client.get("/readyz").get_json() == {"status": "ready", "waiting": []}


def test_a_page_past_its_review_date_says_so() -> None:
    late = app_on(date(2027, 6, 1)).test_client()
    assert "Past its review date: 2027-05-31" in late.get("/explanations/safety").text
    assert "Past its review date: 2027-05-31" in late.get("/explanations/safety", headers=MARKDOWN).text
    assert "Past its review date" in late.get("/explanations", headers=BROWSER).text
    on_time = app_on(date(2027, 5, 31)).test_client()
    assert "Past its review date" not in on_time.get("/explanations/safety").text


def test_the_contact_of_the_site_is_shown_and_escaped() -> None:
    client = app_on(date(2026, 11, 22), contact='Q & A "desk"').test_client()
    assert "Q &amp; A &#34;desk&#34;" in client.get("/explanations/safety").text


@pytest.mark.parametrize(
    ("path", "marked"),
    [("/explanations", "All pages"), ("/explanations?lang=de", "Alle Seiten"), ("/explanations/safety", "Safety"),
     ("/bibliography", "Bibliography"), ("/explanations/vitamin-b12", None)],
)  # fmt: skip
def test_the_navigation_marks_the_page_that_one_is_on(client: FlaskClient, path: str, marked: str | None) -> None:
    header = client.get(path, headers={"Accept": "text/html"}).text.partition("</header>")[0]
    assert re.findall(r'aria-current="page">([^<]*)<', header) == ([marked] if marked else [])
    assert not re.search(r'href="[^"]*(trace|report|studio|prefetch-doctor|sign-in|thresholds)', header)
