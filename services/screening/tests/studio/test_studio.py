"""The pages of the studio: filters, comparisons, the file for a review board, and the command that needs no service."""

import base64
import copy
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from previewing import PREVIEW

from chassis.problems import Problem
from screening import studio_files
from screening.cards.explanations import CardText, Snapshot
from screening.domain import RULES_VERSION
from screening.knowledge.order_codes import OrderCodes, SiteOrder, orders
from screening.pages import studio, studio_cards, studio_facts, studio_snapshots
from screening.pages.studio_facts import Length
from screening.pages.studio_query import Query
from screening.pages.studio_shown import Studio
from screening.synthetic.specimens import specimens

TEXTS = Snapshot(
    "1",
    {"vitamin-b12": CardText("Vitamin B12", "A paragraph about vitamin B12.", "low", "awaiting clinical sign-off")},
    {"nice-ng239": (), "thurnham-1986": ("authors", "year")},
)
CLINIC = {name: SiteOrder("urn:example:catalog", f"LAB{at}") for at, name in enumerate(orders())}
SITE = replace(PREVIEW, texts=lambda: TEXTS, order_codes=OrderCodes({"clinic": CLINIC}))
TODAY = datetime(2026, 12, 1, tzinfo=UTC)


CHOSEN = frozenset(
    {
        "b12-abnormal", "ca-critical", "cu-borderline", "data-worst-case", "ord-b12-reflex", "ord-drba-strong",
        "ord-iron", "ord-mn-specimen", "screen-info", "screen-worst-case-merged", "vite-abnormal-child",
        "vite-abnormal-very-low-cholesterol",
    }
)  # fmt: skip
"""That all specimens give a card is tested elsewhere."""


@pytest.fixture(scope="module", autouse=True)
def _few_specimens() -> Iterator[None]:
    few = tuple(specimen for specimen in specimens() if specimen.id in CHOSEN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(studio_cards, "specimens", lambda: few)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release before this one, which said some things otherwise."""
    made = tmp_path_factory.mktemp("snapshots")
    old: dict[str, Any] = copy.deepcopy(dict(Studio(SITE, RULES_VERSION, made).release()))
    old["rulesVersion"] = "1.0.0"
    b12 = old["cards"]["b12-abnormal"]
    b12["summary"] = b12["summary"].replace("prompt parenteral", "oral")
    b12["suggestions"] = b12["suggestions"][:1]
    old["cards"]["gone"] = copy.deepcopy(b12)
    del old["cards"]["ord-iron"]
    old["texts"]["vitamin-b12"]["text"] = "A paragraph about folic acid."
    studio_snapshots.file_of("1.0.0", made).write_text(studio_snapshots.encoded(old), "utf-8")
    return made


def client_of(made: Studio) -> FlaskClient:
    app = Flask(__name__)
    app.register_blueprint(studio.blueprint(made, lambda: TODAY))

    @app.errorhandler(Problem)
    def refuse(problem: Problem) -> tuple[str, int]:
        return problem.words, problem.status

    return app.test_client()


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[FlaskClient]:
    with client_of(Studio(SITE, "1.1.0+site.7", folder)) as found:
        yield found


def anchors(page: str) -> list[str]:
    return re.findall(r'<section class="specimen" id="([a-z0-9-]+)"', page)


def section(page: str, anchor: str) -> str:
    return page.split(f'<section class="specimen" id="{anchor}"')[1].split("</section>", maxsplit=1)[0]


def test_the_page_shows_each_card_with_its_facts(client: FlaskClient) -> None:
    answer = client.get("/studio")
    page = answer.text
    assert answer.status_code == 200
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert " style=" not in page
    assert set(anchors(page)) == {one.anchor for one in studio_cards.cards(PREVIEW)}
    assert len(re.findall(r' id="([^"]+)"', page)) == len(set(re.findall(r' id="([^"]+)"', page)))
    assert 'id="b12-abnormal-warning"' in page
    card = section(page, "b12-abnormal")
    for said in (
        "<code>B12Abnormal</code>", "1.1.0+site.7", "summary: 112 of 125", "LOINC 13964-2", "on-treatment",
        'href="bibliography#ref-nice-ng239"', "Rule: awaiting clinical sign-off.", "evidence grade low",
        "A paragraph about vitamin B12.", "patient-view", "ScreenIncomplete, info",
    ):  # fmt: skip
        assert said in card, said
    assert "unconfirmed: authors, year" in section(page, "vite-abnormal-very-low-cholesterol")
    assert "withdraw ServiceRequest/d1" in section(page, "ord-mn-specimen")
    assert "Clients with order codes of their own: clinic." in page


def test_the_same_for_machines(client: FlaskClient) -> None:
    told = client.get("/studio?module=B12", headers={"Accept": "application/json"}).get_json()
    assert (told["rulesVersion"], told["asOf"], told["against"]) == ("1.1.0+site.7", "2026-11-22", "1.0.0")
    (card,) = [one for one in told["cards"] if one["specimen"] == "b12-abnormal"]
    assert card["card"]["source"]["topic"]["code"] == "B12Abnormal"
    assert {"what": "summary", "characters": 112, "limit": 125} in card["lengths"]
    assert {"text": "NICE NG239 (2024)", "key": "nice-ng239", "status": "confirmed"} in card["citations"]
    assert card["change"] == "changed"


def test_filters_by_the_address(client: FlaskClient) -> None:
    critical = client.get("/studio?module=CA&indicator=critical").text
    assert set(anchors(critical)) == {"ca-critical", "screen-worst-case-merged"}
    signed = set(anchors(client.get("/studio?hook=order-sign").text))
    assert signed == {"ord-drba-strong", "ord-iron"}, "info cards are not shown before signing"
    assert anchors(client.get("/studio?text=gastric+BYPASS").text) == ["ord-b12-reflex"]
    assert anchors(client.get("/studio?text=paragraph").text) == [], "explanations stand on many cards"
    nothing = client.get("/studio?module=ORD_MN_SPECIMEN&hook=order-sign").text
    assert anchors(nothing) == []
    assert "No card is like that" in nothing
    escaped = client.get("/studio?text=%22%3E%3Cscript%3E").text
    assert "<script" not in escaped


@pytest.mark.parametrize(
    "query", ["module=X", "indicator=loud", "hook=x", "dialect=x", "client=x", "against=../../etc"]
)
def test_what_can_have_no_meaning_is_refused_with_what_has(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/studio?{query}")
    assert answer.status_code == 400
    assert answer.text.startswith(f"{query.partition('=')[0]} is one of these, or left out: ")


def test_what_epic_gets(client: FlaskClient) -> None:
    bare = section(client.get("/studio?dialect=epic").text, "b12-abnormal")
    assert "To be ordered by hand" in bare
    page = client.get("/studio?dialect=epic&client=clinic&against=nothing").text
    own = section(page, "b12-abnormal")
    assert "To be ordered by hand" not in own
    assert "urn:example:catalog LAB" in own
    assert "LOINC 13964-2" not in own


def test_the_release_before_is_compared_with_word_by_word(client: FlaskClient) -> None:
    page = client.get("/studio").text
    assert "Changes since 1.0.0" in page
    assert "1 changed, 1 added, 1 removed" in page
    assert "No more: gone." in page
    card = section(page, "b12-abnormal")
    assert "<del>oral </del><ins>prompt parenteral </ins>" in card
    assert "<ins>" in card.split('<p class="part">Suggestions</p>')[1]
    assert "New: was not there before." in section(page, "ord-iron")
    assert "<del>folic acid</del><ins>vitamin B12</ins>" in page
    assert set(anchors(client.get("/studio?changed=1").text)) == {"b12-abnormal", "ord-iron"}
    assert "<ins>" not in client.get("/studio?against=nothing").text


def test_a_first_release_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    page = client_of(Studio(SITE, RULES_VERSION, tmp_path)).get("/studio?changed=1").text
    assert "This is the first release" in page
    assert len(anchors(page)) > 10, "that is no reason to show nothing"


def test_what_the_settings_of_a_site_change(folder: Path) -> None:
    own = replace(SITE.reader, site_values=dict(list(studio_cards.longest_site_values().items())[:1]))
    made = Studio(replace(SITE, reader=own), "1.1.0+site.7", folder)
    page = client_of(made).get("/studio?against=delivered&module=ORD_IRON").text
    assert "1 threshold is set by this site" in page
    assert "What this site" in page
    assert "site value approved by" in section(page, "ord-iron").split("Changed")[1]


def test_snapshots_are_ordered_by_number(tmp_path: Path) -> None:
    for version in ("1.9.0", "1.10.0", "1.1.0", "notes"):
        studio_snapshots.file_of(version, tmp_path).write_text("{}", "utf-8")
    assert studio_snapshots.versions(tmp_path) == ["1.10.0", "1.9.0", "1.1.0"]
    assert studio_snapshots.before("1.10.0", tmp_path) == "1.9.0"
    assert studio_snapshots.before("1.1.0", tmp_path) == ""


def test_a_stored_release_holds_nothing_that_differs_from_day_to_day(folder: Path) -> None:
    stored = studio_snapshots.encoded(Studio(SITE, RULES_VERSION, folder).release())
    assert stored == studio_snapshots.encoded(Studio(SITE, RULES_VERSION, folder).release())
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", stored)
    assert not set(re.findall(r"20\d\d-\d\d-\d\d", stored)) - {"2026-01-31"} & {TODAY.date().isoformat()}
    assert "localhost" not in stored


def test_the_file_for_a_review_board_stands_alone(client: FlaskClient) -> None:
    answer = client.get("/studio/export.html?module=B12")
    page = answer.text
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in answer.headers["Content-Security-Policy"]
    assert f"style-src 'sha256-{digest}'" in page.replace("&#39;", "'")
    assert not re.search(r"<script| style=|<img|@import|url\(|<link(?! rel=\"icon\" href=\"data:,\")", page)
    assert {f"module-{name}" for name in re.findall(r'id="module-([a-z0-9-]+)"', page)} == {"module-b12"}
    assert page.count("</span>agreed ") == len(anchors(page)) == 2
    for said in ("Clinical rules 1.1.0+site.7", "2026-12-01", "Awaiting clinical sign-off", "Changes since 1.0.0"):
        assert said in page, said
    assert 'href="https://cds.example/bibliography#ref-nice-ng239"' in page


def test_marks_near_and_over_a_limit() -> None:
    assert [Length("summary", number, 100).mark for number in (84, 85, 100, 101)] == ["", "near", "near", "over"]
    assert Length("detail", 10_000).mark == ""


def test_sources_are_confirmed_only_where_every_part_was_seen() -> None:
    (finding,) = [one.finding for one in studio_cards.cards(PREVIEW) if one.anchor == "vite-abnormal-child"]
    said = {one.text[:14]: (one.status, one.confirmed) for one in studio_facts.sources(finding, TEXTS)}
    assert said["Mayo Clinic La"] == ("in part unconfirmed, as it says itself", False)
    assert said["dystonia-cds c"] == ("our own rule, awaiting clinical sign-off", False)
    (finding,) = [one.finding for one in studio_cards.cards(PREVIEW) if one.anchor == "b12-abnormal"]
    known, _ = studio_facts.sources(finding, TEXTS)
    assert (known.key, known.status, known.confirmed) == ("nice-ng239", "confirmed", True)
    assert not studio_facts.sources(finding, Snapshot())[0].confirmed
    (finding,) = [one.finding for one in studio_cards.cards(PREVIEW) if one.anchor == "ord-iron"]
    seen = Snapshot("1", {}, {"gard-aceruloplasminemia": ()})
    (gard,) = [source for source in studio_facts.sources(finding, seen) if source.key]
    assert gard.status == "confirmed; the numbers are our own, awaiting clinical sign-off"
    assert not gard.confirmed, "a pattern that was seen makes no number of ours a seen one"


def test_the_query_of_a_page_is_its_address() -> None:
    assert Query().address == ""
    query = Query(module="B12", text="a b", changed=True, dialect="epic", against="1.0.0")
    assert query.address == "?module=B12&text=a+b&changed=1&dialect=epic&against=1.0.0"


def test_the_command_stores_checks_and_exports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(studio_files, "_BROWSERS", ())
    monkeypatch.setattr(studio_files, "studio", lambda texts: Studio(SITE, RULES_VERSION, tmp_path))
    texts = tmp_path / "texts.txt"
    texts.write_text(json.dumps({"version": "1", "explanations": {}}), "utf-8")
    given = ["--texts", str(texts), "--out", str(tmp_path / "out" / "studio.html")]
    assert studio_files.main(["check", *given]) == 1
    assert "make studio-snapshot" in capsys.readouterr().out
    assert studio_files.main(["snapshot", *given]) == 0
    assert studio_files.main(["check", *given]) == 0
    assert studio_files.main(["export", *given]) == 0
    assert "No PDF" in capsys.readouterr().out
    assert "All cards of dystonia-cds" in (tmp_path / "out" / "studio.html").read_text("utf-8")


def test_pages_are_made_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes a second and more of the interpreter, in which calls of hooks are answered, too."""
    made = Studio(SITE, RULES_VERSION)
    begun: SimpleQueue[None] = SimpleQueue()
    go_on, at_work, together = threading.Semaphore(0), [0], [0]

    def slow(query: Query) -> Any:
        at_work[0] += 1
        together[0] = max(together[0], at_work[0])
        begun.put(None)
        go_on.acquire(timeout=10)
        at_work[0] -= 1
        raise Problem(404, "The end.")

    monkeypatch.setattr(made, "view", slow)
    app = client_of(made).application

    def ask(path: str = "/studio") -> int:
        return app.test_client().get(path).status_code

    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(ask)
        begun.get(timeout=10)
        few = [pool.submit(ask, path) for path in ("/studio/export.html", "/studio?module=B12", "/studio", "/studio")]
        refused, _ = wait(few, timeout=10, return_when=FIRST_COMPLETED)
        assert [one.result() for one in refused] == [503], "those that wait hold threads, which calls need"
        assert ask("/studio?module=none") == 400, "what is asked wrongly need not wait"
        for _ in range(4):
            go_on.release()
        assert sorted(one.result(timeout=10) for one in (first, *few)) == [404] * 4 + [503]
    assert together == [1]
