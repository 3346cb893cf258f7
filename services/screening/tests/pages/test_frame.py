"""The frame that all pages share: where it leads, for whom, what it loads; and the files it is drawn with."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from markupsafe import Markup

from chassis import problems
from screening.pages import assets, filters, look

OPERATOR = {"caller": {"operator": True}}
EVERYBODY = ["thresholds", "explanations"]
FOR_OPERATORS = ["trace", "report", "prefetch-doctor", "studio"]


@pytest.fixture(scope="module")
def app() -> Flask:
    made = Flask(__name__)
    problems.install(made)
    made.register_blueprint(assets.blueprint())
    return made


@pytest.fixture(scope="module")
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def asked(app: Flask) -> Iterator[Flask]:
    """Within a request; the app is no try-out, unless the test says so."""
    with app.test_request_context("/"):
        yield app
    app.config.pop(look.TRY_OUT, None)


def navigation(page: str) -> list[str]:
    return re.findall(r'href="([^"]*)"', re.findall(r"<nav.*?</nav>", page, re.DOTALL)[0])


def test_others_are_shown_the_way_to_public_pages_only(asked: Flask) -> None:
    for claims in ({}, {"caller": {}}, {"caller": {"operator": "yes"}}, {"caller": {"client": "ehr"}}):
        g.claims = claims
        page = look.page("Thresholds", Markup(""))
        assert navigation(page) == EVERYBODY
        assert "sign-out" not in page


def test_an_operator_finds_all_pages_and_the_way_out(asked: Flask) -> None:
    g.claims = OPERATOR
    page = look.page("Report", Markup(""), current=look.REPORT)
    assert navigation(page) == [*FOR_OPERATORS, *EVERYBODY]
    assert re.findall(r'<a href="(\S+)" aria-current="page">', page) == ["report"]
    assert '<form class="sign-out" method="post" action="sign-out">' in page
    assert "Try-out" not in page


def test_in_a_try_out_there_is_the_workbench_and_nothing_to_sign_out_of(asked: Flask) -> None:
    asked.config[look.TRY_OUT] = True
    assert navigation(look.page("Workbench", Markup(""), current=look.WORKBENCH))[0] == "./"
    page = look.page("A case", Markup(""), depth=1, current=look.WORKBENCH)
    assert navigation(page) == ["../", *(f"../{name}" for name in (*FOR_OPERATORS, *EVERYBODY))]
    assert 'href="../" aria-current="page"' in page
    assert "sign-out" not in page
    assert "synthetic patients only" in page


def test_a_page_made_without_a_request_is_for_everybody() -> None:
    assert navigation(look.page("Thresholds", Markup(""))) == EVERYBODY


def test_a_page_has_its_landmarks_and_escapes_its_title(asked: Flask) -> None:
    page = look.page("<script>", Markup("<p>body"), depth=2)
    for part in ('<html lang="en">', 'class="skip" href="#main"', "<header", '<main id="main"', "<footer", "<p>body"):
        assert part in page
    assert page.count("<h1>") == 1
    assert "<script" not in page
    assert not re.search(r'(href|src|action)="(?!\.\./\.\./|#)', page), "all links are relative to where the page is"


def test_scripts_and_styles_carry_their_version(asked: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    page = look.page("Workbench", Markup(""), depth=1, scripts=["workbench.js"], styles=["cards.css"])
    ((script, version),) = re.findall(r'<script type="module" src="(\S+)\?v=([0-9a-f]{12})"></script>', page)
    assert script == "../pages-assets/workbench.js"
    assert version
    assert re.search(r'<link rel="stylesheet" href="\.\./pages-assets/cards\.css\?v=[0-9a-f]{12}">', page)
    with pytest.raises(KeyError):
        look.page("Workbench", Markup(""), scripts=["none.js"])


def test_nothing_runs_on_a_page_but_in_the_workbench() -> None:
    policy, running = (headers["Content-Security-Policy"] for headers in (look.GUARD, look.RUNNING))
    assert "script-src" not in policy
    assert "connect-src" not in policy
    for word in ("script-src 'self'", "connect-src 'self'", "form-action 'self'", "img-src 'self' data:"):
        assert word in running
    for each in (policy, running):
        assert each.startswith("default-src 'none'; style-src 'self'; ")
        assert "unsafe" not in each
        assert "frame-ancestors 'none'" in each


@pytest.mark.parametrize("kind", ["css", "js", "svg"])
def test_each_kind_of_file_is_served_as_what_it_is(client: FlaskClient, kind: str) -> None:
    types = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    for path in sorted(assets.FOLDER.rglob(f"*.{kind}")):
        name = path.relative_to(assets.FOLDER).as_posix()
        answer = client.get(f"/{assets.address(name, 0)}")
        assert (answer.status_code, answer.mimetype, answer.data) == (200, types[kind], path.read_bytes())
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "public, max-age=86400"


def test_an_address_without_the_right_version_is_asked_for_anew(client: FlaskClient) -> None:
    for query in ("", "?v=", "?v=000000000000"):
        answer = client.get(f"/pages-assets/cards.css{query}")
        assert answer.headers["Cache-Control"] == "no-cache"
    again = client.get("/pages-assets/cards.css", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    "name", ["none.css", "../look.py", "..%2flook.py", "vendored/README.md", "vendored", "", "/etc/hostname"]
)
def test_nothing_else_is_served(client: FlaskClient, name: str) -> None:
    assert client.get(f"/pages-assets/{name}").status_code in (404, 308)


def test_every_file_is_found_where_a_page_or_a_script_names_it() -> None:
    """Nothing lies about that nobody loads, and nothing is loaded that is not there."""
    sources = [path for path in Path(look.__file__).parent.rglob("*") if path.suffix in (".py", ".js", ".css", ".html")]
    told = "\n".join(path.read_text("utf-8") for path in sources)
    names = [path.name for path in assets.FOLDER.rglob("*") if path.suffix in (".css", ".js", ".svg")]
    assert [name for name in names if name not in told] == []
    for script in assets.FOLDER.rglob("*.js"):
        for target in re.findall(r'^import .*?from "(\.[^"]+)"', script.read_text("utf-8"), re.MULTILINE):
            assert (script.parent / target).is_file(), f"{script.name} imports {target}"


def test_a_filter_form_keeps_what_was_asked_and_escapes_it() -> None:
    fields: list[Any] = [
        filters.choice("Outcome", "outcome", {"": "all", "cards": "cards"}, "cards"),
        filters.text("Client", "client", '"><script>'),
        filters.day("From", "from", "2026-11-23"),
    ]
    form = filters.form("trace", "Calls", *fields)
    assert '<form class="filters" method="get" action="trace"' in form
    assert '<option value="cards" selected>cards</option>' in form
    assert '<option value="">all</option>' in form
    assert 'type="date" name="from" value="2026-11-23"' in form
    assert "<script" not in form
    assert form.count("<label>") == len(fields)
