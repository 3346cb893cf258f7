"""What the store promises about cards and the answers to them: the same in a file and in PostgreSQL."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from store_samples import ANSWER, CARD, CLIENT, DAY, MARKS, NOW, PATIENT, TRACE, answer, card, uuid

from screening.store import AnsweredRow, Store
from screening.store import recent as recently
from screening.store.lanes import PAGES
from screening.store.recent import Recent
from screening.store.tables import CARD as CARDS
from screening.store.tables import FEEDBACK


def rows(store: Store, table: Any) -> list[Any]:
    return store.run(PAGES, lambda connection: list(connection.execute(select(table)).mappings()))


def statuses(store: Store, *items: Any, client: str = CLIENT, tenant: str = "") -> list[str]:
    return [kept.status for kept in store.keep(items, client, tenant)]


def test_an_answered_card_is_there_for_its_patient_and_for_nobody_else(store: Store) -> None:
    store.record([CARD, card(2, patient="another")])
    assert store.answers(PATIENT) == []
    assert statuses(store, ANSWER) == ["kept"]
    assert store.answers(PATIENT) == [
        AnsweredRow("B12", "ABNORMAL", "warning", CARD.shown, "overridden", "deferred", NOW + timedelta(minutes=4))
    ]
    assert store.answers("another") == []


def test_a_card_shown_again_is_one_card(make: Any) -> None:
    """By two processes, which know nothing of each other."""
    make().record([CARD])
    store = make()
    store.record([card(at=NOW + DAY)])
    (row,) = rows(store, CARDS)
    assert (row["first_at"], row["last_at"], row["times"]) == (NOW, NOW + DAY, 2)


def test_what_this_process_has_just_written_is_only_counted(store: Store) -> None:
    store.record([CARD])
    for minute in range(1, 4):
        store.record([card(at=NOW + timedelta(minutes=minute))])
    (row,) = rows(store, CARDS)
    assert row["times"] == 1
    store.count_repeats()
    store.count_repeats()
    (row,) = rows(store, CARDS)
    assert (row["times"], row["last_at"]) == (4, NOW + timedelta(minutes=3))


def test_a_card_that_says_something_else_is_written_again(store: Store) -> None:
    store.record([CARD])
    store.record([card(shown='{"module":"B12","cited":[]}')])
    (row,) = rows(store, CARDS)
    assert (row["shown"], row["times"]) == ('{"module":"B12","cited":[]}', 2)


def test_an_answer_is_about_the_card_as_it_was_then(store: Store) -> None:
    store.record([CARD])
    statuses(store, ANSWER)
    store.record([card(shown='{"module":"B12","cited":[["a","b"]]}')])
    assert [row.shown for row in store.answers(PATIENT)] == [CARD.shown]


def test_the_same_answer_again_is_one_answer(make: Any) -> None:
    store = make()
    store.record([CARD])
    assert statuses(store, ANSWER, ANSWER) == ["kept", "repeated"]
    later = answer(received=ANSWER.received + DAY)
    assert statuses(make(), later) == ["repeated"]
    assert len(store.answers(PATIENT)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "accepted"}, {"reason": ""}, {"said_at": NOW + timedelta(minutes=4, microseconds=1)},
        {"said_at": None}, {"their_reason": "X1"}, {"suggestions": ("s",)},
    ],
    ids=str,
)  # fmt: skip
def test_another_answer_is_another(on_file: Any, change: dict[str, Any]) -> None:
    store = on_file()
    store.record([CARD])
    assert statuses(store, ANSWER, answer(**change)) == ["kept", "kept"]


def test_when_an_answer_counts_from(store: Store) -> None:
    """A clock that is ahead, or none, counts as now, and still as the same answer when it comes again."""
    store.record([CARD, card(2), card(3)])
    ahead = answer(1, said_at=NOW + 30 * DAY)
    statuses(store, ahead, answer(2, said_at=None), answer(3, said_at=NOW - 400 * DAY))
    moments = [row.at for row in store.answers(PATIENT)]
    assert moments == [NOW - 400 * DAY, ANSWER.received, ANSWER.received]
    assert statuses(store, answer(1, said_at=NOW + 30 * DAY, received=ANSWER.received + DAY)) == ["repeated"]


def test_an_answer_may_come_before_its_card(store: Store) -> None:
    assert statuses(store, ANSWER) == ["unknown-card"]
    assert store.answers(PATIENT) == []
    assert [store.record([card(2)]), store.record([CARD])] == [False, True], "and it is said that it did"
    assert [row.reason for row in store.answers(PATIENT)] == ["deferred"]
    assert statuses(store, ANSWER) == ["repeated"]


@pytest.mark.parametrize("who", [{"client": "another"}, {"tenant": "another"}])
def test_another_clients_card_is_not_to_be_answered(store: Store, who: dict[str, str]) -> None:
    store.record([CARD])
    assert statuses(store, ANSWER, answer(2), **who) == ["not-yours", "unknown-card"]
    assert store.answers(PATIENT) == []
    assert [row["card"] for row in rows(store, FEEDBACK)] == [uuid(2)]


def test_what_was_never_shown_cannot_be_answered(store: Store) -> None:
    store.record([card(mode="silent")])
    assert statuses(store, ANSWER) == ["unknown-card"]
    assert store.answers(PATIENT) == []


def test_the_answer_of_a_stranger_that_came_first_binds_nobody(store: Store) -> None:
    statuses(store, ANSWER, client="another")
    store.record([CARD])
    assert store.answers(PATIENT) == []


def test_an_id_is_the_same_in_capitals_and_kept_as_a_mark_where_it_is_none_of_ours(store: Store) -> None:
    store.record([CARD])
    shouted = replace(ANSWER, card=CARD.uuid.upper())
    ours_and_theirs = replace(ANSWER, suggestions=(CARD.suggestions[0].upper(), "Patient Synthetic 1"))
    strange = replace(ANSWER, card="MRN 0815")
    kept = store.keep([ANSWER, shouted, ours_and_theirs, strange], CLIENT, "")
    assert [one.status for one in kept] == ["kept", "repeated", "kept", "unknown-card"]
    assert [one.card for one in kept[1::2]] == [CARD.uuid.upper(), "MRN 0815"]
    whole = str(rows(store, FEEDBACK))
    assert "MRN" not in whole
    assert "Synthetic" not in whole
    assert f"x-{MARKS.content('MRN 0815')}" in whole
    assert CARD.suggestions[0] in whole


def test_comments_are_kept_only_where_the_site_wants_them(on_file: Any) -> None:
    on_file().keep([answer(1, comment="words")], CLIENT, "")
    on_file(keep_comments=True).keep([answer(2, comment="words")], CLIENT, "")
    assert {row["card"]: row["comment"] for row in rows(on_file(), FEEDBACK)} == {uuid(1): None, uuid(2): "words"}


def test_many_answers_at_once(store: Store) -> None:
    cards = [card(n) for n in range(1, 1_001)]
    store.record(cards)
    assert set(statuses(store, *(answer(n) for n in range(1, 1_001)))) == {"kept"}
    assert len(store.answers(PATIENT)) == 1_000


def test_traces_are_found_by_hook_instance_newest_first(store: Store) -> None:
    later = replace(TRACE, at=NOW + DAY, outcome="silent", client="other")
    store.traces.put([TRACE, later])
    store.traces.put([])
    assert store.traces.find(TRACE.hook_instance.upper()) == [later, TRACE]
    assert store.traces.find(TRACE.hook_instance, most=1) == [later]
    assert store.traces.find(uuid(1)) == []
    assert store.traces.latest() == [later, TRACE]
    assert store.traces.latest(client=CLIENT) == store.traces.latest(outcome="cards") == [TRACE]


def test_what_was_written_an_hour_ago_is_written_again() -> None:
    moment = 1_000.0
    recent = Recent(lambda: moment)
    recent.written([CARD])
    moment += recently.KEPT_S
    assert recent.unwritten([CARD]) == []
    moment += 1
    assert recent.unwritten([CARD]) == [CARD]


def test_what_a_process_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recently, "MOST", 2)
    recent = Recent()
    recent.written([card(1), card(2), card(3)])
    assert recent.unwritten([card(n) for n in (1, 2, 3)]) == [card(1)]
