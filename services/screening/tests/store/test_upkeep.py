"""What is removed when: by age, by number, by patient; and the command that does it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from store_samples import ANSWER, CARD, CLIENT, DAY, MARKS, NOW, PATIENT, TRACE, answer, card, uuid

from screening.store import Store, StoreDown, upkeep
from screening.store.commands import main
from screening.store.lanes import BACKGROUND, PAGES
from screening.store.rows import Scope
from screening.store.tables import CARD as CARDS
from screening.store.tables import FEEDBACK
from screening.store.tables import TRACE as TRACES
from screening.store.upkeep import Removed

KEY = "only-for-tests-only-for-tests-00"


def left(store: Store) -> tuple[set[str], set[str], int]:
    """The cards, the cards answered, the number of traces."""
    return store.run(
        PAGES,
        lambda connection: (
            set(connection.scalars(select(CARDS.c.uuid))),
            set(connection.scalars(select(FEEDBACK.c.card))),
            connection.execute(select(func.count()).select_from(TRACES)).scalar_one(),
        ),
    )


def filled(store: Store) -> Store:
    """Card 1 and a stray answer to 9, a year and more ago; card 2, shown since; card 3, answered long ago."""
    store.record([card(1, at=NOW - 401 * DAY), card(2, at=NOW - 400 * DAY), card(3, at=NOW - 2_201 * DAY)])
    store.keep([answer(3, received=NOW - 2_200 * DAY), answer(9, received=NOW - 401 * DAY)], CLIENT, "")
    return store


def test_each_is_kept_for_its_time(store: Store) -> None:
    filled(store)
    assert store.expire(NOW) == Removed(cards=1, answers=1)
    assert left(store) == ({uuid(2), uuid(3)}, {uuid(3)}, 0)
    assert store.expire(NOW) == Removed()
    assert store.expire(NOW + DAY) == Removed(cards=2, answers=1)


def test_more_than_a_batch_is_removed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "_BATCH", 2)
    store.record([card(n, at=NOW - 401 * DAY) for n in range(5)])
    assert store.expire(NOW) == Removed(cards=5)


def test_traces_are_bounded_in_time_and_number(make: Any) -> None:
    store = make(trace_hours=24, trace_most=3)
    store.traces.put([replace(TRACE, at=NOW - timedelta(hours=n)) for n in (26, 25, 24, 3, 2, 1)])
    store.keep_up(NOW)
    assert [trace.at for trace in store.traces.latest()] == [NOW - timedelta(hours=n) for n in (1, 2, 3)]


def test_one_process_does_it_for_all_at_most_once_an_hour(make: Any) -> None:
    one, other = make(), make()

    def claims(store: Store, minutes: int) -> bool:
        moment = NOW + timedelta(minutes=minutes)
        return store.run(BACKGROUND, lambda c: upkeep.claim(c, "expiry", moment, upkeep.EXPIRE_EVERY))

    assert [claims(one, 0), claims(other, 0), claims(one, 59)] == [True, False, False]
    assert [claims(other, 60), claims(one, 61)] == [True, False]
    assert claims(one, -60 * 24), "a clock that was ahead when it was done last keeps nobody from it for long"


def test_a_patient_is_forgotten_and_no_other(store: Store) -> None:
    store.record([CARD, card(2, patient="another")])
    store.keep([ANSWER, answer(1, reason=""), answer(2)], CLIENT, "")
    store.traces.put([TRACE, replace(TRACE, patient="another")])
    assert store.forget([PATIENT, "nobody"]) == Removed(cards=1, answers=2, traces=1)
    assert left(store) == ({uuid(2)}, {uuid(2)}, 1)
    assert store.answers(PATIENT) == []


def test_who_the_patient_may_be(store: Store) -> None:
    """All places that patients came from, of those that are meant; a place named whole need not be known."""
    places = [("a", "", "https://x.example"), ("a", "t", "https://y.example"), ("b", "", "https://x.example")]
    store.record([card(n, client=c, tenant=t, fhir_server=f) for n, (c, t, f) in enumerate(places)])

    def found(**wanted: str) -> set[str]:
        scope = Scope(**{"client": "", "tenant": "", "fhir_server": ""} | wanted)
        return set(store.run(PAGES, lambda connection: upkeep.keys(connection, MARKS, "p", scope)))

    keys = [MARKS.patient(*place, "p") for place in places]
    assert len(set(keys)) == 3
    assert found() == set(keys)
    assert found(client="a") == set(keys[:2])
    assert found(tenant="t") == {keys[1]}
    assert found(fhir_server="https://x.example") == {keys[0], keys[2]}
    assert found(client="c", fhir_server="https://z.example") == {MARKS.patient("c", "", "https://z.example", "p")}
    assert found(client="c") == set()


def test_a_patient_who_never_had_a_card_is_found_by_the_traces(store: Store) -> None:
    store.traces.put([replace(TRACE, fhir_server="https://x.example"), replace(TRACE, patient="", client="stranger")])
    found = store.run(PAGES, lambda connection: upkeep.keys(connection, MARKS, "p", Scope("", "", "")))
    assert found == [MARKS.patient(CLIENT, "", "https://x.example", "p")]


def test_places_are_bounded_and_long_ones_not_kept(on_file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("screening.store.statements.MOST_SERVERS", 2)
    store = on_file()
    store.record([card(n, fhir_server="https://x.example/" + "y" * 150 * n) for n in range(6)])
    count = select(func.count()).select_from(upkeep.SCOPE)
    assert store.run(PAGES, lambda connection: connection.execute(count).scalar_one()) == 2


@pytest.mark.parametrize("named", ["https://x.example/\0", "https://x.example/" + "\U0001f600" * 480])
def test_a_strange_place_keeps_no_card_from_being_written(store: Store, named: str) -> None:
    """A client may name what it likes: PostgreSQL has no NUL in texts, and no 2,700 bytes in an index."""
    store.record([card(1, tenant="t" * 500, fhir_server=named)])
    store.record([card(2)])
    assert left(store)[0] == {uuid(1), uuid(2)}
    assert [one.status for one in store.keep([answer(1)], CLIENT, "\U0001f600" * 500)] == ["not-yours"]
    assert [one.status for one in store.keep([answer(1)], CLIENT, "t" * 500)] == ["kept"]


def test_a_card_that_was_forgotten_is_written_again_when_it_is_shown_again(store: Store) -> None:
    """Within the hour, too: else an answer to it would be one to an unknown card."""
    store.record([CARD])
    store.forget([PATIENT])
    store.record([CARD])
    store.count_repeats()
    store.record([CARD])
    assert left(store)[0] == {CARD.uuid}


def command(directory: Path, *arguments: str, **environ: str) -> int:
    return main(arguments, {"IDENTITY_KEY": KEY, "STATE_DIR": str(directory), **environ})


def test_the_command_forgets_and_counts_and_names_nobody(
    on_file: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    on_file().record([CARD])
    on_file().keep([ANSWER], CLIENT, "")
    assert command(tmp_path, "forget", "--patient", "synthetic-1") == 0
    said = capsys.readouterr()
    assert said.out == "removed 1 cards, 1 answers and 0 traces; looked in 1 places that patients came from\n"
    assert said.err == ""
    assert left(on_file()) == (set(), set(), 0)


def test_the_command_forgets_all_before_a_day(on_file: Any, tmp_path: Path, capsys: Any) -> None:
    store = on_file()
    store.record([card(1, at=NOW - 2 * DAY), card(2, at=NOW - 2 * DAY), card(3)])
    store.keep([answer(2)], CLIENT, "")
    store.traces.put([replace(TRACE, at=NOW - 2 * DAY), TRACE])
    assert command(tmp_path, "forget", "--all-before", "2026-11-22") == 0
    assert left(store) == ({uuid(2), uuid(3)}, {uuid(2)}, 1)


def test_the_command_migrates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(tmp_path, "migrate") == 0
    assert "the store is of this version" in capsys.readouterr().out


def test_the_command_says_what_is_wrong(
    tmp_path: Path, on_file: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(tmp_path, "migrate", IDENTITY_KEY="short") == 2
    assert command(tmp_path, "migrate", STATE_DIR="") == 2
    assert command(tmp_path, "migrate", STATE_DIR="/dev/null/x") == 1
    for arguments in (
        ("forget",),
        ("forget", "--all-before", "yesterday"),
        ("forget", "--patient", "p", "--all-before", "2026-01-01"),
    ):
        with pytest.raises(SystemExit) as caught:
            command(tmp_path, *arguments)
        assert caught.value.code == 2

    def down(*_: Any) -> Any:
        raise StoreDown

    monkeypatch.setattr(Store, "forget", down)
    assert command(tmp_path, "forget", "--patient", "p") == 1
    assert "run the command again" in capsys.readouterr().err
