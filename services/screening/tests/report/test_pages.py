"""GET /report and /report.csv: what an operator asks, what comes, and that it says no small count."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import edge_samples as s
import pytest
from flask import Flask
from flask.testing import FlaskClient

from screening.pages import report_csv
from screening.report import Terms
from screening.store import CardRow, FeedbackRow, Marks, Store, StoreSettings
from screening.store.settings import FILE_NAME

MONDAY = datetime.combine(s.NOW.date(), datetime.min.time(), s.NOW.tzinfo) - timedelta(days=7 + s.NOW.weekday())
HTML, JSON, TEXT = "text/html", "application/json", "text/plain"


def card(number: int, module: str, state: str, client: str, mode: str) -> CardRow:
    return CardRow(
        client=client, tenant="", uuid=f"6f1b6c1e-0000-5000-8000-{number:012x}", suggestions=(), service="dystonia",
        hook="order-select" if module.startswith("ORD_") else "patient-view", module=module, state=state,
        indicator="warning", rules_version="1", patient=f"{number:064x}", fhir_server="https://ehr.example/fhir",
        shown="{}", at=MONDAY + timedelta(hours=number % 100), mode=mode,
    )  # fmt: skip


def cards() -> Iterator[tuple[CardRow, str]]:
    """Cards, each with how it was answered."""
    kinds = (
        ("B12", "ABNORMAL", "north", "shown", {"accepted": 17, "overridden": 13, "": 30}),
        ("B12", "ABNORMAL", "south", "shown", {"accepted": 3, "overridden": 8, "": 20}),
        ("ORD_IRON", "", "north", "shown", {"accepted": 6, "overridden": 70, "": 9}),
        ("ORD_DRBA", "", "north", "shown", {"accepted": 9, "": 11}),
        ("ORD_DRBA", "", "south", "shown", {"": 2}),
        ("MN", "ABNORMAL", "north", "silent", {"": 12}),
    )
    number = 0
    for module, state, client, mode, answers in kinds:
        for outcome, count in answers.items():
            for _ in range(count):
                number += 1
                yield card(number, module, state, client, mode), outcome


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A STATE_DIR in which there is something to report."""
    directory = tmp_path_factory.mktemp("state")
    store = Store(StoreSettings(), directory, Marks.of(s.IDENTITY_KEY))
    store.prepare()
    shown = list(cards())
    store.record([row for row, _ in shown])
    for row, outcome in shown:
        if outcome:
            reason = "not-indicated" if outcome == "overridden" else ""
            store.keep([FeedbackRow(row.uuid, outcome, row.service, row.at, None, reason)], row.client, "")
    store.close()
    return directory


@pytest.fixture(scope="module")
def app(state: Path) -> Flask:
    return s.application(state_dir=state)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def ask(client: FlaskClient, query: str = "", form: str = JSON) -> Any:
    answer = client.get(f"/report{query}", headers={"Accept": form})
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == form
    return answer.get_json() if form == JSON else answer.text


def test_by_default_it_covers_thirteen_weeks_up_to_this_one(client: FlaskClient) -> None:
    told = ask(client)
    assert told["from"] == (MONDAY.date() - timedelta(weeks=11)).isoformat()
    assert told["to"] == (MONDAY.date() + timedelta(days=13)).isoformat()
    assert told["all"] == {
        "shown": 198, "answered": 126, "accepted": 35, "both": 0, "overridden": 91, "noFeedback": 72, "waiting": 0,
        "shownAgain": 0, "showings": 198,
    }  # fmt: skip
    assert told["held"]["all"] == 12


@pytest.mark.parametrize("form", [HTML, TEXT])
def test_it_can_be_read(client: FlaskClient, form: str) -> None:
    text = ask(client, form=form).replace("\u00a0", " ")
    assert "ORD_IRON: accepted 6 of 76 answered cards, under 10 %. Most often: not indicated (70)" in " ".join(
        text.split()
    )
    assert "91 (72 %)" in text
    assert "MN.ABNORMAL" in text


def test_the_page_runs_nothing_and_needs_only_its_style_sheet(client: FlaskClient) -> None:
    answer = client.get("/report", headers={"Accept": HTML})
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script|<style|style=|\son[a-z]+=|href=.?http", answer.text)
    assert answer.headers["Cache-Control"] == "no-store"


def test_each_plot_is_named_and_beside_a_table(client: FlaskClient) -> None:
    text = ask(client, form=HTML)
    plots = re.findall(r"<figure.*?</figure>\s*<div class=\"table\"", text, re.DOTALL)
    assert len(plots) == 2
    for plot in plots:
        assert 'role="img"' in plot
        assert "The numbers are in the table below." in plot


def test_a_small_count_is_in_no_form_of_it(client: FlaskClient) -> None:
    """Of the client south 3 cards were accepted, and 2 order cards were sent to it."""
    for query in ("", "?client=south", "?client=north", "?module=ORD_IRON"):
        lines = list(csv.DictReader(io.StringIO(client.get(f"/report.csv{query}").text)))
        assert not {"1", "2", "3", "4"} & {one["count"] for one in lines}
    told = ask(client, "?client=south")["tables"]["rules"]
    assert {"<5", "withheld"} <= {count for row in told["rows"] for count in row["counts"].values()}
    page = ask(client, "?client=south", HTML)
    assert "<td>&lt;5</td>" in page
    assert not re.search(r"<td>[1-4]( |<)", page.replace("\u00a0", " "))


def test_one_client_and_one_module_can_be_asked_for(client: FlaskClient) -> None:
    assert ask(client, "?client=south")["all"]["shown"] == 33
    assert [row["name"] for row in ask(client, "?client=north")["tables"]["rules"]["rows"]] == [
        row["name"] for row in ask(client)["tables"]["rules"]["rows"]
    ]
    assert ask(client, "?client=nobody")["all"] == {"shown": 0}
    (row,) = ask(client, "?module=B12")["tables"]["rules"]["rows"]
    assert row["name"] == "B12.ABNORMAL"
    assert ask(client, "?module=MN")["all"] == {"shown": 0}
    assert "A report on a part" in ask(client, "?module=MN", TEXT)


def test_another_period_has_other_cards(client: FlaskClient) -> None:
    before = (MONDAY - timedelta(days=1)).date()
    assert ask(client, f"?to={before}")["all"]["shown"] == 0
    thursday = (MONDAY + timedelta(days=3)).date()
    told = ask(client, f"?from={thursday}&to={thursday}")
    assert (told["from"], told["all"]["shown"]) == (MONDAY.date().isoformat(), 198)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("client=%3Cscript%3E", "name of a client"),
        ("module=NONE", "one of SCREEN, DATA, B12"),
        ("from=yesterday", "from must be a day, such as 2026-11-23"),
        ("to=2026-02-30", "to must be a day"),
        ("to=99999-01-01", "to must be a day"),
        ("from=2026-11-20&to=2026-11-01", "not be later"),
        ("from=2020-01-01", "at most 106 weeks"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_words(client: FlaskClient, query: str, words: str) -> None:
    for path in ("/report", "/report.csv"):
        answer = client.get(f"{path}?{query}")
        assert answer.status_code == 400
        assert words in answer.get_json(force=True)["issue"][0]["details"]["text"]
        assert "script" not in answer.text


def test_the_csv_has_a_line_for_each_count(client: FlaskClient) -> None:
    answer = client.get("/report.csv?module=B12")
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="dystonia-cds-')
    first, *lines = answer.text.split("\r\n")
    assert first == "from,to,client,module,cards,by,name,measure,count"
    assert lines[-1] == ""
    assert f"{ask(client)['from']},{ask(client)['to']},,B12,shown,rule,B12.ABNORMAL,shown,91" in lines
    assert not any("\n" in line for line in lines)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_no_cell_is_a_formula(start: str) -> None:
    assert report_csv.defused(f"{start}HYPERLINK()") == f"'{start}HYPERLINK()"
    assert report_csv.defused("example-ehr") == "example-ehr"


def test_a_client_whose_name_begins_like_a_formula_does_no_harm(client: FlaskClient) -> None:
    (line,) = {one["client"] for one in csv.DictReader(io.StringIO(client.get("/report.csv?client=-cmd").text))}
    assert line == "'-cmd"


def test_a_site_may_have_small_counts_told(state: Path) -> None:
    told = ask(s.application(state_dir=state, report=Terms(small=1)).test_client())
    assert {row["name"]: row["counts"]["accepted"] for row in told["tables"]["clients"]["rows"]} == {
        "north": 32, "south": 3,
    }  # fmt: skip


def test_without_a_store_it_says_what_to_set() -> None:
    answer = s.application().test_client().get("/report")
    assert answer.status_code == 404
    assert "STATE_DIR" in answer.text


def test_while_the_store_is_down_it_says_so(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    answer = s.application(state_dir=tmp_path).test_client().get("/report")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert "the store is down" in answer.text
