"""For how long an answer holds its card: every line of clinical rules 1.0.7, a day before and after its end."""

from datetime import UTC, date, datetime, timedelta

import pytest
from answering import ANSWERED, answer, answered, card, chart, draft, dystonia, hold, later, mark, remembered, silent
from small_facts import result

from screening.domain import analytes
from screening.domain.answers import REASONS, Terms, shown
from screening.domain.chart import Chart
from screening.domain.labs import LabResult
from screening.knowledge.loading import override_reasons

TERMS = {
    "done-elsewhere": 365,
    "not-indicated": 365,
    "patient-declined": 180,
    "deferred": 30,
    "on-treatment": 365,
    "specialist-managing": 365,
    "lab-unavailable": 180,
}
YEARS_5 = (date(2031, 8, 15) - ANSWERED.date()).days


def ceruloplasmin(number: str = "0.05", days: int = 120, **said: str) -> LabResult:
    """Ten years it counts: long enough for every term. Very low, it is ABNORMAL and a warning."""
    return result(analytes.CERULOPLASMIN, number, "g/L", days, **said)


SCREEN = chart()
WILSON = chart(ceruloplasmin())
LIPIDS = chart(drafts=(draft("1823-4", "L_VE", reference="ServiceRequest/1"),))


def test_the_reasons_are_those_that_are_published() -> None:
    assert set(override_reasons()) == REASONS


@pytest.mark.parametrize(
    ("now", "module", "without"), [(SCREEN, "SCREEN", 365), (WILSON, "CU", 180), (LIPIDS, "ORD_VITE_LIPID", 180)]
)
@pytest.mark.parametrize("reason", ["", "a-reason-of-the-site", *TERMS, "cause-known"])
def test_a_snooze_lasts_for_the_term_of_its_reason(now: Chart, module: str, without: int, reason: str) -> None:
    days = TERMS.get(reason, YEARS_5 if reason == "cause-known" else without)
    said = answered(now, module, reason)
    assert silent(later(now, days=days), module, said)
    assert not silent(later(now, days=days + 1), module, said)
    held = hold(now, module, said)
    assert held is not None
    assert (held.by, held.until) == ("answer", ANSWERED.date() + timedelta(days=days))


def test_the_day_counts_not_the_hour() -> None:
    said = answered(SCREEN, "SCREEN", "deferred", at=datetime(2026, 8, 15, 23, 59, tzinfo=UTC))
    assert silent(later(SCREEN, days=30, hours=14, minutes=29), "SCREEN", said)  # 23:59
    assert not silent(later(SCREEN, days=30, hours=14, minutes=30), "SCREEN", said)


def test_days_are_those_of_utc() -> None:
    at = datetime.fromisoformat("2026-08-15T23:30:00-05:00")
    held = hold(SCREEN, "SCREEN", answered(SCREEN, "SCREEN", "deferred", at=at))
    assert held is not None
    assert held.until == date(2026, 9, 15)
    assert held.words == "answered on 2026-08-16: will be ordered later; silent until 2026-09-15"


def test_five_years_after_a_leap_day_end_with_february() -> None:
    held = hold(SCREEN, "SCREEN", answered(SCREEN, "SCREEN", "cause-known", at=datetime(2024, 2, 29, tzinfo=UTC)))
    assert held is not None
    assert held.until == date(2029, 2, 28)


@pytest.mark.parametrize(("days", "quiet"), [(100, True), (365, True), (366, False), (400, False)])
def test_an_old_answer_counts_from_when_it_was_given(days: int, quiet: bool) -> None:
    said = answered(SCREEN, "SCREEN", at=ANSWERED - timedelta(days=days))
    assert silent(SCREEN, "SCREEN", said) is quiet


# --- critical cards ---


CRITICAL = chart(result(analytes.CALCIUM_ADJUSTED, "1.80", "mmol/L", 100))  # a day old when it is answered


@pytest.mark.parametrize("reason", ["", *sorted(REASONS)])
def test_a_critical_card_is_never_silent_for_longer_than_a_day(reason: str) -> None:
    said = answered(CRITICAL, "CA", reason)
    assert card(CRITICAL, "CA").indicator == "critical"
    assert silent(later(CRITICAL, hours=24), "CA", said)
    assert not silent(later(CRITICAL, hours=24, seconds=1), "CA", said)
    held = hold(CRITICAL, "CA", said)
    assert held is not None
    assert held.until == ANSWERED + timedelta(hours=24)
    assert held.words.endswith("silent until 2026-08-16 09:30 UTC")


def test_what_was_critical_is_not_silent_for_longer_when_it_is_a_warning_now() -> None:
    said = answered(CRITICAL, "CA", "done-elsewhere")
    assert card(later(CRITICAL, days=20), "CA").indicator == "warning"
    assert not silent(later(CRITICAL, days=20), "CA", said)


def test_an_accepted_critical_card_comes_back_after_a_day() -> None:
    said = answered(CRITICAL, "CA", accepted=True)
    assert silent(later(CRITICAL, hours=24), "CA", said)
    assert not silent(later(CRITICAL, hours=25), "CA", said)


# --- acceptances ---


@pytest.mark.parametrize("module", ["SCREEN", "CU"])
def test_an_accepted_card_counts_as_acted_on_for_some_days(module: str) -> None:
    now = SCREEN if module == "SCREEN" else WILSON
    said = answered(now, module, accepted=True)
    assert silent(later(now, days=14), module, said)
    assert not silent(later(now, days=15), module, said)
    assert silent(later(now, days=3), module, said, terms=Terms(accepted_days=3))
    assert not silent(later(now, days=4), module, said, terms=Terms(accepted_days=3))


def test_only_treatment_or_a_newer_result_silences_a_low_vitamin_b12_whose_card_was_accepted() -> None:
    low, indeterminate = (chart(result(analytes.B12, number, "ng/L", 100)) for number in ("150", "250"))
    assert card(low, "B12").state == "ABNORMAL"
    assert not silent(later(low, days=1), "B12", answered(low, "B12", accepted=True))
    assert silent(later(low, days=1), "B12", answered(low, "B12", "specialist-managing"))
    assert silent(later(indeterminate, days=14), "B12", answered(indeterminate, "B12", accepted=True))


# --- several answers ---


def test_a_newer_override_replaces_an_older_one() -> None:
    year = answered(SCREEN, "SCREEN", "not-indicated", at=ANSWERED - timedelta(days=40))
    month = answered(SCREEN, "SCREEN", "deferred", at=ANSWERED)
    for both in ((year, month), (month, year)):
        assert silent(later(SCREEN, days=30), "SCREEN", *both)
        assert not silent(later(SCREEN, days=31), "SCREEN", *both)


def test_an_acceptance_shortens_no_override() -> None:
    year = answered(SCREEN, "SCREEN", "not-indicated", at=ANSWERED - timedelta(days=40))
    accepted = answered(SCREEN, "SCREEN", accepted=True)
    assert silent(later(SCREEN, days=300), "SCREEN", year, accepted)
    held = hold(SCREEN, "SCREEN", accepted, year)
    assert held is not None
    assert "not indicated" in held.words


def test_an_acceptance_lengthens_a_shorter_override() -> None:
    month = answered(SCREEN, "SCREEN", "deferred", at=ANSWERED - timedelta(days=29))
    accepted = answered(SCREEN, "SCREEN", accepted=True)
    assert silent(later(SCREEN, days=14), "SCREEN", month, accepted)
    assert not silent(later(SCREEN, days=15), "SCREEN", month, accepted)


def test_what_no_date_ends_outlasts_every_date() -> None:
    endless, accepted = answered(WILSON, "CU", "wrong-data"), answered(WILSON, "CU", accepted=True)
    for both in ((endless, accepted), (accepted, endless)):
        held = hold(WILSON, "CU", *both)
        assert held is not None
        assert held.words.endswith("a coded problem or result is wrong; silent until the entries that it cites change")


def test_an_acceptance_is_told_as_one() -> None:
    held = hold(SCREEN, "SCREEN", answered(SCREEN, "SCREEN", accepted=True))
    assert held is not None
    assert held.words == "answered on 2026-08-15: accepted; silent until 2026-08-29"


def test_of_two_answers_of_one_moment_the_longer_one_counts() -> None:
    short, long = answered(SCREEN, "SCREEN", "deferred"), answered(SCREEN, "SCREEN", "patient-declined")
    assert silent(later(SCREEN, days=180), "SCREEN", short, long)
    assert silent(later(SCREEN, days=180), "SCREEN", long, short)


# --- symptomatic treatment ---


TREATED = chart(drafts=(draft("10811", "RX_SYMPT_NOT_VMAT2"),))


@pytest.mark.parametrize(
    ("reason", "days"),
    [("", 365), ("deferred", 365), ("patient-declined", 365), ("not-indicated", 365), ("cause-known", YEARS_5)],
)
def test_the_card_on_symptomatic_treatment_is_silent_for_a_year_at_least(reason: str, days: int) -> None:
    said = answered(TREATED, "ORD_SYMPT_TX", reason)
    assert silent(later(TREATED, days=days), "ORD_SYMPT_TX", said)
    assert not silent(later(TREATED, days=days + 1), "ORD_SYMPT_TX", said)


def test_an_acceptance_silences_it_for_a_year_too() -> None:
    said = answered(TREATED, "ORD_SYMPT_TX", accepted=True)
    assert silent(later(TREATED, days=365), "ORD_SYMPT_TX", said)
    assert not silent(later(TREATED, days=366), "ORD_SYMPT_TX", said)


def test_showing_it_silences_nothing() -> None:
    assert not silent(TREATED, "ORD_SYMPT_TX")


# --- in the screening ---


def test_what_is_held_is_told_and_not_shown() -> None:
    said = answered(SCREEN, "SCREEN", "done-elsewhere")
    screening = remembered(later(SCREEN, days=100), [said])
    assert screening.findings == ()
    (held,) = screening.held
    assert (held.module, held.state, held.indicator, held.hold.by) == ("SCREEN", "INCOMPLETE", "info", "answer")
    assert held.hold.words == "answered on 2026-08-15: already tested elsewhere; silent until 2027-08-15"
    assert held.finding == card(later(SCREEN, days=100), "SCREEN")


def test_the_unanswered_card_is_shown_again() -> None:
    other = answer(shown(card(WILSON, "CU"), WILSON, mark), "not-indicated")
    assert [f.module for f in remembered(SCREEN, [other]).findings] == ["SCREEN"]
    assert [f.module for f in remembered(later(SCREEN, days=1), []).findings] == ["SCREEN"]


def test_result_cards_are_shown_while_the_consolidated_card_is_answered() -> None:
    said = answered(SCREEN, "SCREEN", "not-indicated")
    now = chart(ceruloplasmin(), conditions=(dystonia(),))
    assert [f.module for f in remembered(now, [said]).findings] == ["CU"]
