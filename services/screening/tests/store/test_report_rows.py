"""What the database adds up for the report: the same in a file and in PostgreSQL."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from store_samples import CLIENT, DAY, answer, card

from screening.store import Store, report_rows
from screening.store.lanes import PAGES
from screening.store.report_rows import Kind, TooManyKinds, Wanted

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
WEEK = Wanted(begin=MONDAY, end=MONDAY + 7 * DAY, answered_by=MONDAY + 3 * DAY)


def counted(store: Store, wanted: Wanted = WEEK) -> list[Kind]:
    return store.run(PAGES, lambda connection: report_rows.kinds(connection, wanted))


def by(kinds: Iterable[Kind], *names: str) -> dict[Any, int]:
    sums: Counter[Any] = Counter()
    for kind in kinds:
        sums[tuple(getattr(kind, name) for name in names) if len(names) > 1 else getattr(kind, names[0])] += kind.cards
    return dict(sums)


def test_each_card_has_one_outcome(store: Store) -> None:
    at = {1: 0, 2: 0, 3: 0, 4: 3, 5: 4}
    store.record([card(number, at=MONDAY + day * DAY) for number, day in at.items()])
    store.keep([answer(1, outcome="accepted", reason=""), answer(2), answer(3)], CLIENT, "")
    store.keep([answer(3, outcome="accepted", reason="")], CLIENT, "")
    expected = {"accepted": 1, "overridden": 1, "both": 1, "unanswered": 1, "waiting": 1}
    assert by(counted(store), "outcome") == expected


def test_the_latest_override_gives_the_reason(store: Store) -> None:
    store.record([card(number, at=MONDAY) for number in (1, 2, 3, 4)])
    later, late, early = (MONDAY + timedelta(hours=hours) for hours in (3, 2, 1))
    store.keep([answer(1, reason="deferred", said_at=late), answer(1, reason="wrong-data", said_at=early)], CLIENT, "")
    store.keep([answer(2, reason="", their_reason="LOCAL-7", said_at=late), answer(2, said_at=early)], CLIENT, "")
    store.keep([answer(3, reason="", said_at=late)], CLIENT, "")
    store.keep([answer(4, said_at=late), answer(4, outcome="accepted", reason="", said_at=later)], CLIENT, "")
    assert by(counted(store), "outcome", "reason") == {
        ("overridden", "deferred"): 1,
        ("overridden", report_rows.THEIRS): 1,
        ("overridden", ""): 1,
        ("both", "deferred"): 1,
    }


def test_a_card_shown_again_counts_once_in_its_first_week(make: Any) -> None:
    make().record([card(1, at=MONDAY - DAY), card(2, at=MONDAY)])
    store = make()
    store.record([card(1, at=MONDAY + DAY), card(2, at=MONDAY + 8 * DAY)])
    (kind,) = counted(store)
    assert (kind.cards, kind.showings, kind.again, kind.week) == (1, 2, True, MONDAY.date())


def test_a_period_begins_and_ends_at_midnight(store: Store) -> None:
    instant = timedelta(microseconds=1)
    edges = (MONDAY - instant, MONDAY, MONDAY + 7 * DAY - instant, MONDAY + 7 * DAY)
    store.record([card(number, at=at) for number, at in enumerate(edges)])
    longer = replace(WEEK, begin=MONDAY - 7 * DAY, end=MONDAY + 14 * DAY)
    assert by(counted(store), "week") == {date(2026, 11, 16): 2}
    assert by(counted(store, longer), "week") == {date(2026, 11, 9): 1, date(2026, 11, 16): 2, date(2026, 11, 23): 1}


def test_clients_modules_and_modes_are_told_apart(store: Store) -> None:
    store.record(
        [
            card(1, at=MONDAY),
            card(1, at=MONDAY, client="other-ehr"),
            card(2, at=MONDAY, module="ORD_IRON", state="", hook="order-sign"),
            card(3, at=MONDAY, mode="silent"),
        ]
    )
    store.keep([answer(1)], "other-ehr", "")
    kinds = counted(store)
    assert by(kinds, "client", "outcome") == {(CLIENT, "unanswered"): 3, ("other-ehr", "overridden"): 1}
    assert by(kinds, "mode") == {"shown": 3, "silent": 1}
    assert by(kinds, "hook", "module", "state")["order-sign", "ORD_IRON", ""] == 1


def test_an_answer_that_came_before_its_card_counts(store: Store) -> None:
    store.keep([answer(1, received=MONDAY - timedelta(minutes=1), said_at=None)], CLIENT, "")
    store.record([card(1, at=MONDAY)])
    assert by(counted(store), "outcome") == {"overridden": 1}


def test_too_much_to_tell_apart_is_said(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.record([card(1, at=MONDAY), card(2, at=MONDAY, module="MN")])
    monkeypatch.setattr(report_rows, "MOST_KINDS", 2)
    assert len(counted(store)) == 2
    monkeypatch.setattr(report_rows, "MOST_KINDS", 1)
    with pytest.raises(TooManyKinds):
        counted(store)
