"""The chart: what counts, look-backs, history, known diagnoses, site facts, orders."""

import re
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from small_facts import NOW, TODAY, ago, chart, condition, draft, medication, order, pending, procedure, result

from screening.domain import analytes
from screening.domain.chart import Chart, Patient, SiteFact, completed_years, fact_day, says


@pytest.mark.parametrize(
    ("clinical", "verification", "counts"),
    [
        ("active", "confirmed", True), ("", "", True), ("recurrence", "provisional", True),
        ("relapse", "unconfirmed", True), ("active", "differential", False), ("active", "refuted", False),
        ("active", "entered-in-error", False), ("inactive", "confirmed", False), ("remission", "confirmed", False),
        ("resolved", "", False), ("?", "confirmed", False), ("active", "?", False),
    ],
)  # fmt: skip
def test_which_conditions_count(clinical: str, verification: str, counts: bool) -> None:
    one = condition("S", clinical=clinical, verification=verification)
    assert one.counts is counts
    assert chart(conditions=(one,)).has_condition("S") is counts


@pytest.mark.parametrize("clinical", ["active", "inactive", "resolved", "remission"])
def test_a_history_counts_although_it_is_over(clinical: str) -> None:
    over = condition("S", "HISTORY", clinical=clinical, verification="confirmed")
    assert over.counts_as_history
    assert chart(conditions=(over,)).has_condition("S")
    for verification in ("refuted", "entered-in-error", "differential"):
        assert not condition("S", "HISTORY", clinical=clinical, verification=verification).counts_as_history


@pytest.mark.parametrize(
    ("clinical", "verification", "known"),
    [
        ("active", "confirmed", True), ("active", "", True), ("inactive", "confirmed", True),
        ("remission", "", True), ("resolved", "confirmed", False), ("active", "provisional", False),
        ("active", "unconfirmed", False), ("active", "differential", False), ("active", "refuted", False),
        ("active", "entered-in-error", False),
    ],
)  # fmt: skip
def test_a_suspicion_is_no_known_diagnosis(clinical: str, verification: str, known: bool) -> None:
    one = condition("MN_DX", clinical=clinical, verification=verification)
    assert list(chart(conditions=(one,)).known_diagnoses("MN_DX")) == ([one] if known else [])
    assert not list(chart(conditions=(one,)).known_diagnoses("CU_DX"))


@pytest.mark.parametrize(
    ("status", "treats", "is_risk"),
    [
        ("active", True, True), ("in-progress", True, True), ("on-hold", False, True), ("stopped", False, False),
        ("completed", False, False), ("cancelled", False, False), ("entered-in-error", False, False),
        ("draft", False, False), ("unknown", False, False), ("", False, False),
    ],
)  # fmt: skip
def test_on_hold_is_a_risk_and_no_treatment(status: str, treats: bool, is_risk: bool) -> None:
    one = medication("S", status=status)
    made = chart(medications=(one,))
    assert made.treatments("S") == ((one,) if treats else ())
    assert (made.on_medicine("S") is one) is is_risk
    assert (one in made.facts_in("S")) is is_risk


def test_of_two_medicines_of_one_class_the_same_one_is_named_in_any_order() -> None:
    pair = (medication("S", start=ago(900)), medication("S", start=ago(100)))
    assert chart(medications=pair).on_medicine("S") == chart(medications=pair[::-1]).on_medicine("S")


@pytest.mark.parametrize(
    ("status", "counts"),
    [("completed", True), ("in-progress", True), ("not-done", False), ("entered-in-error", False), ("stopped", False)],
)
def test_which_procedures_count(status: str, counts: bool) -> None:
    one = procedure("S", status=status)
    assert (one in chart(procedures=(one,)).procedures_in("S")) is counts
    assert (one in chart(procedures=(one,)).facts_in("S", "T")) is counts


@pytest.mark.parametrize(("days", "inside"), [(-1, True), (0, True), (364, True), (365, True), (366, False)])
def test_exactly_n_days_is_inside(days: int, inside: bool) -> None:
    assert chart().within(ago(days), 365) is inside


def test_an_unknown_day_is_never_inside() -> None:
    assert chart().within(None, 10_000) is False


def test_look_backs_count_utc_calendar_days_whatever_the_hour() -> None:
    for as_of in (datetime(2026, 11, 22, 0, 0, tzinfo=UTC), datetime(2026, 11, 22, 23, 59, tzinfo=UTC)):
        assert Chart(as_of=as_of).days_since(date(2026, 11, 21)) == 1


def test_today_is_the_utc_day_of_the_call() -> None:
    late = datetime(2026, 11, 22, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert Chart(as_of=late).today == date(2026, 11, 23)


@pytest.mark.parametrize(
    ("born", "day", "years"),
    [
        (date(1990, 6, 15), date(2026, 6, 14), 35), (date(1990, 6, 15), date(2026, 6, 15), 36),
        (date(2000, 2, 29), date(2026, 2, 28), 25), (date(2000, 2, 29), date(2026, 3, 1), 26),
        (date(2000, 2, 29), date(2028, 2, 29), 28), (date(2026, 1, 1), date(2026, 1, 1), 0),
        (date(2026, 1, 2), date(2026, 1, 1), None), (None, date(2026, 1, 1), None),
    ],
)  # fmt: skip
def test_ages_are_completed_years(born: date | None, day: date, years: int | None) -> None:
    assert completed_years(born, day) == years
    assert Chart(as_of=NOW, patient=Patient(born)).age_on(day) == years


@pytest.mark.parametrize(
    ("born", "age", "birthday"),
    [
        (date(1990, 6, 15), 40, date(2030, 6, 15)), (date(2000, 2, 29), 18, date(2018, 3, 1)),
        (date(2000, 2, 29), 20, date(2020, 2, 29)), (None, 20, None), (date(1990, 6, 15), None, None),
        (date(1990, 6, 15), 9000, None),
    ],
)  # fmt: skip
def test_an_onset_age_starts_at_that_birthday(born: date | None, age: int | None, birthday: date | None) -> None:
    made = Chart(as_of=NOW, patient=Patient(born))
    assert made.birthday(age) == birthday
    if birthday is not None:
        assert made.age_on(birthday) == age
        assert made.age_on(birthday - timedelta(days=1)) == (age or 0) - 1


def test_a_fact_has_one_day() -> None:
    assert fact_day(condition("S", onset=ago(9), recorded=ago(3))) == ago(9)
    assert fact_day(condition("S", onset=ago(3), recorded=ago(9))) == ago(9)
    assert fact_day(condition("S", recorded=ago(3))) == ago(3)
    assert fact_day(condition("S", onset_age=40)) is None
    assert fact_day(procedure("S", done=ago(4))) == ago(4)
    assert fact_day(medication("S", start=ago(5))) == ago(5)


def test_the_newest_statement_of_a_site_fact_holds() -> None:
    yes, no = SiteFact("t1-pallidal", True, ago(40)), SiteFact("t1-pallidal", False, ago(10))
    assert chart(site_facts=(yes,)).site_fact("t1-pallidal") == yes
    assert chart(site_facts=(yes, no)).site_fact("t1-pallidal") is None
    assert chart(site_facts=(no, yes)).site_fact("t1-pallidal") is None
    assert chart(site_facts=(no, SiteFact("t1-pallidal", True, ago(5)))).site_fact("t1-pallidal") is not None
    assert chart(site_facts=(yes,)).site_fact("ephedrone-use") is None
    assert chart().site_fact("t1-pallidal") is None


def test_of_two_statements_of_one_day_the_order_does_not_matter() -> None:
    same_day = (SiteFact("t1-pallidal", True, ago(10)), SiteFact("t1-pallidal", False, ago(10)))
    both_ways = {chart(site_facts=order_).site_fact("t1-pallidal") for order_ in (same_day, same_day[::-1])}
    assert len(both_ways) == 1


def test_results_are_readable_and_within_the_look_back() -> None:
    unreadable = result(analytes.B12, "150", "mg/L", 5)
    new, old = result(analytes.B12, "500", "ng/L", 30), result(analytes.B12, "150", "ng/L", 400)
    made = chart(old, unreadable, new)
    assert made.results("B12") == (new, old)
    assert made.results("B12", 365) == (new,)
    assert made.newest("B12", 29) is None
    assert made.newest("B12", 30) == new
    assert made.unreadable("B12", 5) == unreadable
    assert made.unreadable("B12", 4) is None
    assert made.results("HOLOTC") == ()


@pytest.mark.parametrize(
    ("status", "days", "counts"),
    [
        ("active", 90, True), ("active", 91, False), ("draft", 5, True), ("on-hold", 5, True), ("revoked", 5, False),
        ("completed", 5, False), ("entered-in-error", 5, False), ("unknown", 5, False),
    ],
)  # fmt: skip
def test_which_orders_are_pending(status: str, days: int, counts: bool) -> None:
    made = chart(orders=(order("L_B12", status=status, authored=ago(days)),))
    assert made.pending_in("L_B12", "L_HOLOTC") is counts
    assert made.pending_in("L_MMA") is False


def test_an_undated_order_is_not_pending() -> None:
    assert not chart(orders=(order("L_B12", authored=None),)).pending_in("L_B12")


@pytest.mark.parametrize(("taken", "counts"), [(ago(365), True), (ago(366), False), (None, False)])
def test_a_preliminary_result_is_pending(taken: date | None, counts: bool) -> None:
    assert chart(pending=(pending("L_B12", taken=taken),)).pending_in("L_B12") is counts


def test_drafts_are_drafted_selected_or_not() -> None:
    made = chart(drafts=(draft("L_B12", selected=False),))
    assert made.drafted_in("L_B12", "L_MMA")
    assert not made.drafted_in("L_MMA")
    assert not made.pending_in("L_B12")


def test_what_was_not_delivered_is_not_looked_up() -> None:
    made = chart(not_looked_up=frozenset({"orders"}))
    assert not made.looked_up("orders")
    assert made.looked_up("conditions")


def test_words_in_texts() -> None:
    welding = re.compile("weld|smelt", re.IGNORECASE)
    assert says(welding, ("", "Former WELDER"))
    assert not says(welding, ("", "hairdresser"))
    assert not says(welding, ())


def test_today_of_the_small_facts() -> None:
    assert chart().today == TODAY
    assert chart().age == 55
