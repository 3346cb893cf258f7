"""The crash suite's own machinery: an answer that is lost, doubled or altered is noticed, and so is a process left."""

import contextlib
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from crash import __main__ as command
from crash import killing, processes, rounds
from crash.book import KEPT, REPEATED, UNKNOWN, Book, Count, Item, Row
from crash.places import SqlitePlace

Play = Callable[..., tuple[int, str]]
CARD = "4a31ce06-0b27-5a5c-9f0e-6f1d0a6f2c11"


@pytest.fixture
def book() -> Book:
    """Three answers that were sent; the first two are acknowledged."""
    book = Book()
    override = Item("alpha", CARD.upper(), book.moment(), "deferred")
    accepted = Item("alpha", "site card 1", book.moment(), suggestion="1")
    items = [override, accepted, Item("beta", CARD, book.moment())]
    book.sending(items)
    book.acknowledged(items[:2], [KEPT, UNKNOWN])
    return book


def rows(book: Book) -> list[Row]:
    """As they should be kept."""
    moments = [round(item.at.timestamp() * 1_000_000) for item in book.sent]
    first, second, third = moments
    return [
        Row("alpha", CARD, "overridden", "deferred", first),
        Row("alpha", "x-0f", "accepted", "", second),
        Row("beta", CARD, "overridden", "", third),
    ]


def test_what_was_acknowledged_must_be_there_and_what_was_not_may_be(book: Book) -> None:
    everything = rows(book)
    assert book.compared(everything) == Count(2, 2, [])
    assert book.compared(everything[:2]) == Count(2, 2, [])
    assert [item.client for item in book.unacknowledged()] == ["beta"]


def test_a_difference_is_noticed(book: Book) -> None:
    first, second, third = rows(book)
    for stored, found, said in (
        ([second, third], 1, "is not there"),
        ([first, first, second], 1, "more than once"),
        ([first, second, third, third], 2, "more than once"),
        ([replace(first, reason=""), second], 1, "not as it was sent"),
        ([first, replace(second, card=CARD)], 1, "not as it was sent"),
        ([replace(first, client="beta"), second], 1, "nobody sent"),
    ):
        count = book.compared(stored)
        assert (count.acknowledged, count.found) == (2, found)
        assert any(said in fault for fault in count.faults), (said, count.faults)


@pytest.mark.parametrize(
    ("statuses", "said"), [([KEPT], "kept anew"), (["refused"], "told: refused"), ([], "0 statuses for 1")]
)
def test_an_acknowledgment_that_cannot_be_right_is_a_fault(book: Book, statuses: list[str], said: str) -> None:
    repeated = next(iter(book.sent))
    book.acknowledged([repeated], [REPEATED])
    assert book.compared(rows(book)).faults == []
    book.acknowledged([repeated], statuses)
    assert said in book.compared(rows(book)).faults[0]


def test_each_blow_is_dealt_as_often_as_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(killing.time, "sleep", lambda _: None)

    def dealt(seed: int) -> list[str]:
        order: list[str] = []

        def blow(name: str, absent: int = 0) -> killing.Blow:
            def fall() -> int:
                order.append(name)
                return int(order.count(name) > absent)

            return fall

        plan = {"worker": (5, blow("worker")), "master": (2, blow("master", absent=1))}
        assert killing.storm(plan, random.Random(seed), 60) == Counter(worker=5, master=2)  # noqa: S311
        return order

    assert dealt(1) == dealt(1) != dealt(2)


def test_a_process_that_is_left_is_found(tmp_path: Path) -> None:
    environ = {"CRASH_SUITE": f"mark-{tmp_path.name}"}
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], env=environ, stdin=subprocess.PIPE) as left:
        assert list(processes.marked(environ["CRASH_SUITE"], tmp_path)) == [left.pid]
        assert "input()" in processes.words_of(left.pid)
        left.kill()
    assert not processes.runs(left.pid)
    assert list(processes.marked(environ["CRASH_SUITE"], tmp_path)) == []


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Play:
    """Plays the suite with rounds that give this; its status and its last line."""

    def played(
        found: int = 600, control: int = 9, faults: tuple[str, ...] = (), server: Path | None = Path(), **more: bool
    ) -> tuple[int, str]:
        monkeypatch.setattr(rounds, "control", lambda *_: Count(10, control, []))
        monkeypatch.setattr(rounds, "played", lambda *_: rounds.Result(40, Count(600, found, []), faults))
        monkeypatch.setattr(command, "_place", lambda _: contextlib.nullcontext(SqlitePlace()))
        monkeypatch.setattr(command.testing_postgresql, "tools", lambda: server)
        status = command.played(["sqlite", "postgresql"], 1, **more)
        return status, capsys.readouterr().out.splitlines()[-1]

    return played


def test_the_last_line_is_the_sum_and_any_difference_fails(play: Play) -> None:
    assert play() == (0, "acknowledged 1200, found 1200")
    assert play(found=599) == (1, "acknowledged 1200, found 1198")
    assert play(faults=("only 39 of 40 processes were killed",)) == (1, "acknowledged 1200, found 1200")
    assert play(server=None) == (0, "acknowledged 600, found 600")
    assert play(server=None, required=True)[0] == 1


def test_a_suite_that_does_not_notice_the_broken_service_fails(play: Play) -> None:
    assert play(control=10) == (1, "acknowledged 1200, found 1200")
