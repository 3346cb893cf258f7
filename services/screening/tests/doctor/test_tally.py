"""The counts behind the prefetch doctor: what is counted, what is bounded, and what never gets in."""

import threading

import msgspec
import pytest

from screening.tally import (
    EHR,
    MOST_CLIENTS,
    MOST_CODES,
    MOST_OUTCOMES,
    MOST_STRANGE_KEYS,
    OTHERS,
    PREFETCH,
    ClientCounts,
    Counts,
    Latency,
    Tally,
    merged,
)

KEYS = ("patient", "conditions", "labs_vitamin_b12")


class _Clock:
    now = 1_000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def counts(tally: Tally) -> Counts:
    return msgspec.json.decode(tally.encoded(), type=Counts)


def client(tally: Tally, name: str = "site") -> ClientCounts:
    return counts(tally).clients[name]


@pytest.fixture
def tally() -> Tally:
    return Tally(KEYS, _Clock())


def test_outcomes_are_counted_by_client_key_and_source(tally: Tally) -> None:
    for outcome in ("delivered", "delivered", "none", "absent"):
        tally.note("site", "conditions", outcome, PREFETCH)
    tally.note("site", "conditions", "late", EHR, 351.0)
    tally.note("other", "conditions", "failed", PREFETCH)
    key = client(tally).keys["conditions"]
    assert key.prefetch == {"delivered": 2, "none": 1, "absent": 1}
    assert key.ehr == {"late": 1}
    assert key.latency.count == 1
    assert client(tally, "other").keys["conditions"].prefetch == {"failed": 1}
    assert client(tally).calls == 4


def test_a_key_or_outcome_that_is_none_of_ours_is_not_counted(tally: Tally) -> None:
    tally.note("site", "made-up", "delivered", PREFETCH)
    tally.note("site", "patient", "delivered", PREFETCH)
    tally.note("site", "patient", "John Doe, 1970", PREFETCH)
    tally.note("site", "patient", "John Doe, 1970", EHR)
    tally.content("site", "made-up", fits=True)
    key = client(tally).keys.pop("patient")
    assert (key.prefetch, key.ehr, client(tally).keys.keys()) == ({"delivered": 1}, {}, {"patient"})


def test_latency_is_told_by_the_bound_below_which_it_lies() -> None:
    latency = Latency()
    for ms in (*[12.0] * 94, *[180.0] * 5, 9_999.0):
        latency.add(ms)
    assert (latency.within(0.5), latency.within(0.95), latency.within(0.99), latency.within(1.0)) == (
        20,
        200,
        200,
        None,
    )
    assert Latency().within(0.5) is None


def test_a_bound_belongs_to_its_own_bucket() -> None:
    latency = Latency()
    latency.add(50.0)
    assert latency.within(0.5) == 50


def test_the_gap_since_a_key_last_came_is_counted(tally: Tally) -> None:
    for outcome in ("absent", "delivered", "absent", "failed", "none", "absent"):
        tally.note("site", "patient", outcome, PREFETCH)
    key = client(tally).keys["patient"]
    assert (key.gap, key.longest_gap) == (1, 2)
    assert key.came > 0


def test_clients_beyond_the_bound_are_counted_together(tally: Tally) -> None:
    for number in range(MOST_CLIENTS + 10):
        tally.note(f"client-{number}", "patient", "delivered", PREFETCH)
    told = counts(tally).clients
    assert len(told) == MOST_CLIENTS + 1
    assert told[OTHERS].calls == 10


def test_outcomes_are_bounded(tally: Tally) -> None:
    for number in range(100):
        tally.note("site", "patient", f"outcome-{number}", PREFETCH)
    assert len(client(tally).keys["patient"].prefetch) == MOST_OUTCOMES


def test_strange_keys_are_named_and_bounded(tally: Tally) -> None:
    for number in range(MOST_STRANGE_KEYS + 5):
        tally.strange("site", f"key-{number}", {"Condition": 2}, {"labs_vitamin_b12": 1, "not-ours": 1})
    told = client(tally)
    assert len(told.strange) == MOST_STRANGE_KEYS
    assert told.unshown_keys == 5
    assert told.strange["key-0"].kinds == {"Condition": 2}
    assert told.strange["key-0"].answers == {"labs_vitamin_b12": 1}


@pytest.mark.parametrize(
    "name", ["John Doe", "patient-1234567", "x" * 65, "", "<script>", "a\nb", "9key", "schlüssel", "k" * 64 + "\n"]
)
def test_a_strange_key_that_could_be_anything_is_counted_and_not_shown(tally: Tally, name: str) -> None:
    tally.strange("site", name, {}, {})
    assert client(tally).strange == {}
    assert client(tally).unshown_keys == 1


def test_strange_keys_begin_anew_when_the_clients_file_names_them(tally: Tally) -> None:
    tally.inspected("site", {})
    tally.strange("site", "pat", {"Patient": 1}, {})
    tally.inspected("site", {})
    assert client(tally).strange.keys() == {"pat"}
    tally.inspected("site", {"patient": "pat"})
    assert client(tally).strange == {}
    assert client(tally).names == {"patient": "pat"}


def test_codes_are_counted_and_bounded(tally: Tally) -> None:
    for number in range(MOST_CODES + 3):
        tally.code("site", "labs_vitamin_b12", "urn:oid:1.2.36.1", f"C{number}")
    tally.code("site", "labs_vitamin_b12", "urn:oid:1.2.36.1", "C0")
    tally.code("site", "labs_vitamin_b12", "", "VB12")
    told = client(tally)
    assert len(told.codes) == MOST_CODES
    assert told.codes["urn:oid:1.2.36.1|C0"].count == 2
    assert (told.unshown_codes, told.codes_without_system) == (3, 1)


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("urn:oid:1.2", "Vitamin B12 of John Doe"),
        ("urn:oid:1.2", "x" * 65),
        ("urn:oid:1.2", "a<b"),
        ("no system", "VB12"),
        ("https://user@host.example/codes", "VB12"),
        ("https://host.example/codes?patient=1", "VB12"),
        ("https://host.example/" + "x" * 200, "VB12"),
    ],
)
def test_a_code_that_could_be_anything_is_not_shown(tally: Tally, system: str, code: str) -> None:
    tally.code("site", "labs_vitamin_b12", system, code)
    assert client(tally).codes == {}
    assert client(tally).unshown_codes == 1


@pytest.mark.parametrize("unit", ["pg/mL", "10*3/uL", "mL/min/{1.73_m2}", "µg/24 h", "%", "mg/dL"])
def test_units_are_shown_as_they_were_sent(tally: Tally, unit: str) -> None:
    tally.unit("site", "vitamin B12", unit, "unit not accepted")
    (seen,) = client(tally).units.values()
    assert (seen.analyte, seen.unit, seen.count) == ("vitamin B12", unit, 1)


@pytest.mark.parametrize("unit", ["of John Doe", "x" * 30, "<b>", "mg\n"])
def test_a_unit_that_could_be_anything_is_counted_and_not_shown(tally: Tally, unit: str) -> None:
    tally.unit("site", "vitamin B12", unit, "unit not accepted")
    (seen,) = client(tally).units.values()
    assert (seen.unit, seen.count) == ("", 1)


def test_units_are_bounded(tally: Tally) -> None:
    for number in range(MOST_CODES + 50):
        tally.unit("site", "vitamin B12", f"u{number}", "unit not accepted")
    assert len(client(tally).units) == MOST_CODES


def test_threads_lose_no_count(tally: Tally) -> None:
    def note() -> None:
        for _ in range(500):
            tally.note("site", "patient", "delivered", PREFETCH)

    threads = [threading.Thread(target=note) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client(tally).keys["patient"].prefetch == {"delivered": 4_000}


def test_processes_are_merged() -> None:
    first, second = Tally(KEYS, _Clock()), Tally(KEYS, _Clock())
    for one in (first, second):
        one.inspected("site", {"patient": "pat"})
        one.note("site", "patient", "delivered", PREFETCH)
        one.note("site", "patient", "slow", EHR, 40.0)
        one.content("site", "patient", fits=False, outside=["other statuses"])
        one.code("site", "labs_vitamin_b12", "urn:oid:1.2", "VB12")
        one.unit("site", "vitamin B12", "mg", "unit not accepted")
        one.strange("site", "pat", {"Patient": 1}, {})
    second.note("elsewhere", "patient", "none", PREFETCH)
    whole = merged([counts(first), counts(second)])
    told = whole.clients["site"]
    key = told.keys["patient"]
    assert (key.prefetch, key.ehr, key.latency.count) == ({"delivered": 2}, {"slow": 2}, 2)
    assert (key.answered, key.misfits, key.outside) == (2, 2, {"other statuses": 2})
    assert told.codes["urn:oid:1.2|VB12"].count == 2
    assert [unit.count for unit in told.units.values()] == [2]
    assert (told.strange["pat"].calls, told.strange["pat"].kinds) == (2, {"Patient": 2})
    assert (told.inspected, told.names) == (2, {"patient": "pat"})
    assert whole.clients["elsewhere"].calls == 1
    assert whole.since == 1_001.0


def test_the_gap_is_that_of_the_process_to_which_the_key_came_last() -> None:
    clock = _Clock()
    first, second = Tally(KEYS, clock), Tally(KEYS, clock)
    first.note("site", "patient", "delivered", PREFETCH)
    for _ in range(30):
        first.note("site", "patient", "absent", PREFETCH)
    second.note("site", "patient", "delivered", PREFETCH)
    second.note("site", "patient", "absent", PREFETCH)
    for order in ((first, second), (second, first)):
        assert merged(counts(one) for one in order).clients["site"].keys["patient"].gap == 1
