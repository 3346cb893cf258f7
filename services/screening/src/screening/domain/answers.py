"""Answers: what a clinician has answered to a card holds it back for a time, and new evidence ends that.

Clinical rules 1.0.6 and 1.0.7, section 6: 1, 5, 29. Readings where these are silent:

* A snooze ends with its last day, as look-backs do: 365 days are over on day 366. Critical cards count by the hour.
* What an answer covers. SCREEN: SCREEN, and the card that stands in its place when results were not delivered. A result
  card: its module, unless the card is worse than the one that was answered. An order card that informs: its rule; one
  that warns, or an answer that is about one order: the same rule and the same ordered codes, since another drug is
  another decision.
* The newest override that covers a card replaces older ones: a clinician may correct themselves. An acceptance counts
  as acted on for some days and shortens no override that is still running. Like an order, it does not silence a low
  vitamin B12: only treatment and a newer result do (section 6: 4).
* A result of a later day than the answer is new although the answered card cited it: an answer says nothing of it.
* `wrong-data` on a card that cites nothing but the order itself counts as no reason; so does `benefit-outweighs` on
  a card about no order.
* The cards about orders that list what is missing are re-armed as SCREEN is: by a new phenotype code or high-risk fact,
  never by a result, and a high-risk result is one, too.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from screening.domain.chart import Chart
from screening.domain.findings import (
    ABNORMAL,
    ANSWER,
    BORDERLINE,
    CRITICAL,
    CRITICAL_STATE,
    DATA,
    DISCORDANT,
    INFO,
    SCREEN,
    SEVERITY,
    Finding,
    Hold,
)
from screening.domain.labs import LabResult
from screening.domain.new_evidence import (
    Entry,
    cited_entries,
    cited_results,
    is_new,
    key,
    named,
    new_phenotype,
    on_record,
)
from screening.domain.thresholds import Threshold, days, hours, years
from screening.domain.workups.registry import BY_MODULE

SCREEN_DAYS: Final = days("answers.screen", 365, "the consolidated card is silent this long after a dismissal")
OTHER_DAYS: Final = days("answers.other", 180, "another card is silent this long after a dismissal without a reason")
CRITICAL_HOURS: Final = hours(
    "answers.critical", 24, "a critical card is silent at most this long after any answer", fixed=True
)
SYMPTOMATIC_DAYS: Final = days(
    "answers.symptomatic-treatment",
    365,
    "the card about symptomatic treatment is silent at least this long after any answer",
)
DONE_ELSEWHERE: Final = days("answers.done-elsewhere", 365, "silent this long: already tested elsewhere")
CAUSE_KNOWN: Final = years("answers.cause-known", 5, "silent this long: the cause is established")
NOT_INDICATED: Final = days("answers.not-indicated", 365, "silent this long: not indicated for this phenotype")
PATIENT_DECLINED: Final = days("answers.patient-declined", 180, "silent this long: the patient declined")
DEFERRED: Final = days("answers.deferred", 30, "silent this long: will be ordered later")
ON_TREATMENT: Final = days("answers.on-treatment", 365, "silent this long: treated outside this record")
SPECIALIST_MANAGING: Final = days("answers.specialist-managing", 365, "silent this long: a specialist is managing")
LAB_UNAVAILABLE: Final = days("answers.lab-unavailable", 180, "silent this long: the test is not available")

Mark = Callable[[str], str]
"""Turns words into a keyed digest."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is kept of a card so that an answer to it can be respected later.

    Attributes:
        module: as on the card.
        state: the same; empty on order cards.
        indicator: the same.
        cited: which entries of the chart the card cited (the data that they came with, and a mark), and their content,
            as a mark.
        newest_result: moment (ISO, UTC) of the newest result that the card cited; empty when it cited none.
        orders: the ordered codes that an order card was about, as marks.
    """

    module: str
    state: str
    indicator: str
    cited: tuple[tuple[str, str], ...]
    newest_result: str
    orders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a card. `at` is when it was given, never later than its receipt; with its offset.

    `reason` is one of the codes of 1.0.7; empty when none was given, or none of ours.
    """

    shown: Shown
    accepted: bool
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Terms:
    """What an operator sets: for how many days an accepted card counts as acted on."""

    accepted_days: int = 14


@dataclass(frozen=True, slots=True)
class _Reason:
    """What a reason means: its words, and for how long it holds; None: no date ends it."""

    words: str
    term: Threshold[int] | None


_REASONS: Final[Mapping[str, _Reason]] = {
    "done-elsewhere": _Reason("already tested elsewhere", DONE_ELSEWHERE),
    "cause-known": _Reason("the cause is established", CAUSE_KNOWN),
    "not-indicated": _Reason("not indicated for this phenotype", NOT_INDICATED),
    "patient-declined": _Reason("the patient declined", PATIENT_DECLINED),
    "deferred": _Reason("will be ordered later", DEFERRED),
    "on-treatment": _Reason("already treated outside this record", ON_TREATMENT),
    "specialist-managing": _Reason("a specialist is managing", SPECIALIST_MANAGING),
    "wrong-data": _Reason("a coded problem or result is wrong", None),
    "benefit-outweighs": _Reason("the benefit outweighs the risk", None),
    "lab-unavailable": _Reason("the test is not available here", LAB_UNAVAILABLE),
}
REASONS: Final = frozenset(_REASONS)
"""The codes of 1.0.7."""
_NO_END: Final = {
    "wrong-data": "the entries that it cites change",
    "benefit-outweighs": "another order or new evidence",
}
_WHATEVER_THE_RESULT: Final = frozenset({"specialist-managing", "on-treatment"})
_MEDICINES: Final = frozenset({"medications", "past_medications", "medication_statements"})
_ACTED_ON_BY_TREATMENT_ONLY: Final = frozenset({("B12", ABNORMAL)})
_BANDS: Final = (CRITICAL_STATE, ABNORMAL, DISCORDANT, BORDERLINE)


def shown(finding: Finding, chart: Chart, mark: Mark) -> Shown:
    """What to keep of a card that is shown."""
    entries, results = cited_entries(chart, finding.cited), cited_results(chart, finding.cited)
    cited = {_marked(one, mark) for one in (*entries, *results)}
    newest = _newest_result(finding, chart)
    return Shown(
        finding.module,
        finding.state,
        finding.indicator,
        tuple(sorted(cited)),
        newest.astimezone(UTC).isoformat() if newest is not None else "",
        tuple(sorted(_orders(finding, mark))),
    )


def held_by(finding: Finding, chart: Chart, answers: Iterable[Answer], mark: Mark, terms: Terms) -> Hold | None:
    """The answer that holds a card back now; None when none does."""
    covering = [a for a in answers if _covers(a, finding, mark)]
    newest: dict[tuple[str, bool], datetime] = {}
    for a in covering:
        newest[_kind(a)] = max(a.at, newest.get(_kind(a), a.at))
    deciding = (a for a in covering if a.at == newest[_kind(a)])
    holds = [hold for a in deciding if (hold := _hold(finding, chart, a, mark, terms)) is not None]
    return max(holds, key=lambda hold: _end(hold.until), default=None)


def _kind(answer: Answer) -> tuple[str, bool]:
    """Among the answers of one kind the newest replaces the others."""
    return answer.shown.module, answer.accepted


def _hold(finding: Finding, chart: Chart, answer: Answer, mark: Mark, terms: Terms) -> Hold | None:
    """What one answer that covers the card still holds."""
    if answer.accepted and (finding.module, finding.state) in _ACTED_ON_BY_TREATMENT_ONLY:
        return None
    until = _until(finding, chart, answer, terms)
    over = chart.as_of > until if isinstance(until, datetime) else until is not None and chart.today > until
    if over or _rearmed(finding, chart, answer, mark):
        return None
    return Hold(ANSWER, _words(finding, answer, until), until)


# --- what an answer covers ---


def _covers(answer: Answer, finding: Finding, mark: Mark) -> bool:
    """Whether a card is the one that was answered, as far as that goes."""
    was = answer.shown
    if finding.module in (SCREEN, DATA) and not finding.orders:
        stands_in = finding.module == DATA and was.module == SCREEN
        return stands_in or (finding.module == was.module and not was.orders)
    if finding.module != was.module or bool(finding.orders) != bool(was.orders) or _worse(finding, was):
        return False
    by_order = finding.indicator != INFO or _reason(finding, answer) == "benefit-outweighs"
    return not (finding.orders and by_order) or set(was.orders).issuperset(_orders(finding, mark))


def _worse(finding: Finding, was: Shown) -> bool:
    """Whether a card says more than the one that was answered: a worse band, or a higher indicator."""
    return _band(finding.state) < _band(was.state) or SEVERITY[finding.indicator] < SEVERITY[was.indicator]


def _band(state: str) -> int:
    return _BANDS.index(state) if state in _BANDS else len(_BANDS)


def _orders(finding: Finding, mark: Mark) -> set[str]:
    return {mark(f"order {code}") for codes in finding.orders for code in codes}


# --- how long ---


def _reason(finding: Finding, answer: Answer) -> str:
    """The reason that counts on this card; empty for none."""
    if answer.accepted or answer.reason not in _REASONS:
        return ""
    if answer.reason == "benefit-outweighs" and not finding.orders:
        return ""
    return "" if answer.reason == "wrong-data" and not answer.shown.cited else answer.reason


def _until(finding: Finding, chart: Chart, answer: Answer, terms: Terms) -> date | datetime | None:
    """When the answer ends: the last day, the moment for critical cards, None when no date ends it."""
    if CRITICAL in (finding.indicator, answer.shown.indicator):
        return answer.at + timedelta(hours=chart.of(CRITICAL_HOURS))
    given, reason = answer.at.astimezone(UTC).date(), _reason(finding, answer)
    if answer.accepted:
        until: date | None = given + timedelta(days=terms.accepted_days)
    else:
        until = _term(chart, given, _REASONS[reason].term if reason else _without_reason(answer))
    if finding.module == "ORD_SYMPT_TX" and until is not None:
        return max(until, given + timedelta(days=chart.of(SYMPTOMATIC_DAYS)))
    return until


def _without_reason(answer: Answer) -> Threshold[int]:
    return SCREEN_DAYS if answer.shown.module == SCREEN else OTHER_DAYS


def _term(chart: Chart, given: date, term: Threshold[int] | None) -> date | None:
    if term is None:
        return None
    number = chart.of(term)
    return _years_after(given, number) if term.unit == "years" else given + timedelta(days=number)


def _years_after(day: date, number: int) -> date:
    leap_day = (day.month, day.day) == (2, 29)
    return date(day.year + number, 2, 28) if leap_day else day.replace(year=day.year + number)


def _end(until: date | datetime | None) -> datetime:
    """The moment of an end, to compare ends of all kinds."""
    if until is None:
        return datetime.max.replace(tzinfo=UTC)
    return until if isinstance(until, datetime) else datetime.combine(until, time.max, UTC)


def _words(finding: Finding, answer: Answer, until: date | datetime | None) -> str:
    reason = _reason(finding, answer)
    said = "accepted" if answer.accepted else _REASONS[reason].words if reason else "dismissed without a reason"
    if isinstance(until, datetime):
        end = f"{until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    else:
        end = until.isoformat() if until is not None else _NO_END[reason]
    return f"answered on {answer.at.astimezone(UTC).date().isoformat()}: {said}; silent until {end}"


# --- what ends it before ---


def _rearmed(finding: Finding, chart: Chart, answer: Answer, mark: Mark) -> bool:
    """Whether there is new evidence since the answer."""
    reason = _reason(finding, answer)
    if reason == "wrong-data" and _changed(chart, answer.shown, mark):
        return True
    lists_what_is_missing = finding.module in (SCREEN, DATA) or bool(finding.includes)
    if not lists_what_is_missing and reason not in _WHATEVER_THE_RESULT and _newer(finding, chart, answer):
        return True
    if reason == "cause-known":
        return new_phenotype(chart, answer.at)
    if lists_what_is_missing:
        urgent = cited_entries(chart, finding.high_risk)
        return new_phenotype(chart, answer.at) or any(is_new(chart, entry, answer.at) for entry in urgent)
    return any(is_new(chart, entry, answer.at) for entry in cited_entries(chart, finding.cited))


def _newer(finding: Finding, chart: Chart, answer: Answer) -> bool:
    """Whether the card cites a newer result than the one that was answered, or one of a later day than the answer."""
    newest, was = _newest_result(finding, chart), answer.shown.newest_result
    if newest is None:
        return False
    later = newest.astimezone(UTC).date() > answer.at.astimezone(UTC).date()
    return later or not was or newest > datetime.fromisoformat(was)


def _newest_result(finding: Finding, chart: Chart) -> datetime | None:
    return max((result.taken for result in cited_results(chart, finding.cited)), default=None)


def _changed(chart: Chart, was: Shown, mark: Mark) -> bool:
    """Whether an entry that the card cited has another content now, or is gone although it was looked for."""
    now: dict[str, set[str]] = {}
    for which, content in (_marked(one, mark) for one in on_record(chart)):
        now.setdefault(which, set()).add(content)
    return any(
        content not in now[which] if which in now else _looked_for(chart, which.partition(" ")[0], was.module)
        for which, content in was.cited
    )


def _marked(one: Entry | LabResult, mark: Mark) -> tuple[str, str]:
    which, content = named(one)
    return f"{key(one)} {mark(f'which {which}')}", mark(f"content {content}")


def _looked_for(chart: Chart, name: str, module: str) -> bool:
    """Whether the data with which an entry came were delivered whole."""
    if name:
        return chart.not_looked_up.isdisjoint(_MEDICINES if name in _MEDICINES else {name})
    workup = BY_MODULE.get(module)
    return chart.looked_up(workup.id) if workup is not None else not chart.not_looked_up
