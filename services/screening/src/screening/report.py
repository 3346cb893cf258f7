"""The report: how cards are answered, by rule, hook, client and week, and which rules nobody follows.

It counts cards, not showings: one that an EHR got ten times is one card. Small counts are not told (`suppression`).
Everything that is derived, such as rates and what a rule is flagged for, is made from what is told.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from marshmallow.validate import Range

from chassis.environment import Environment
from screening import report_tables as tables
from screening.report_tables import ACCEPTED, ANSWERED, OVERRIDDEN, SHOWN, Detail, Table, Told
from screening.store import rows as store_rows
from screening.store.report_rows import Kind, Wanted, midnight, monday

DEFAULT_WEEKS: Final = 13
MOST_WEEKS: Final = 106

FLAGGED: Final = "flagged"
FINE: Final = "fine"
TOO_FEW: Final = "too-few"
UNKNOWN: Final = "cannot-be-told"


@dataclass(frozen=True, slots=True)
class Terms:
    """How the report judges.

    Attributes:
        small: the least count that is told, but for 0; 1 tells all.
        acceptance: percent of the answered cards; a rule below is flagged.
        minimum: answered cards that a rule must have to be judged.
        wait_days: for how long after a card was first shown an answer is waited for.
    """

    small: int = 5
    acceptance: float = 10.0
    minimum: int = 20
    wait_days: float = 7.0


def read(env: Environment) -> Terms:
    """Read these settings; faults are noted in `env`."""
    return Terms(
        small=env.int("SMALL_COUNT", 5, validate=Range(1, 1_000)),
        acceptance=env.float("REPORT_ACCEPTANCE", 10.0, validate=Range(0, 100)),
        minimum=env.int("REPORT_MINIMUM", 20, validate=Range(1, 1_000_000)),
        wait_days=env.float("REPORT_WAIT_DAYS", 7.0, validate=Range(0, 365)),
    )


@dataclass(frozen=True, slots=True)
class Question:
    """What the report is about: cards first shown in whole weeks, Monday to Sunday, UTC.

    Attributes:
        first: a Monday.
        last: a Sunday.
        client: only of this client; empty: of all.
        module: only of this module; empty: of all.
    """

    first: date
    last: date
    client: str = ""
    module: str = ""

    @property
    def weeks(self) -> list[date]:
        """The Mondays."""
        return [self.first + timedelta(weeks=one) for one in range((self.last - self.first).days // 7 + 1)]

    def wanted(self, now: datetime, terms: Terms) -> Wanted:
        """What the store is asked for."""
        return Wanted(
            begin=midnight(self.first),
            end=midnight(self.last + timedelta(days=1)),
            answered_by=now - timedelta(days=terms.wait_days),
            client=self.client,
            module=self.module,
        )


def question(today: date, begin: date | None, end: date | None, client: str, module: str) -> Question:
    """The question for the weeks of two days; by default the last `DEFAULT_WEEKS`."""
    last = monday(end or today) + timedelta(days=6)
    first = monday(begin) if begin else last - timedelta(days=7 * DEFAULT_WEEKS - 1)
    return Question(first, last, client, module)


def week_name(start: date) -> str:
    """`2026-W47`."""
    year, week, _ = start.isocalendar()
    return f"{year}-W{week:02}"


def rule_name(kind: Kind) -> str:
    """`B12.ABNORMAL`, `ORD_IRON`: as the rule modes file has it."""
    return f"{kind.module}.{kind.state}" if kind.state else kind.module


_BREAKDOWNS: Final[Mapping[str, Callable[[Kind], str]]] = {
    "rules": rule_name,
    "hooks": lambda kind: kind.hook,
    "clients": lambda kind: kind.client,
    "weeks": lambda kind: week_name(kind.week),
}
_POOLED: Final = frozenset({"rules", "clients"})
"""Where rows with few cards may be told together."""


def build(kinds: Iterable[Kind], asked: Question, terms: Terms) -> dict[str, Any]:
    """The report as a JSON document; docs/report.md says what its members mean."""
    shown: dict[str, dict[str, Counter[str]]] = {name: defaultdict(Counter) for name in _BREAKDOWNS}
    held: dict[str, dict[str, Counter[str]]] = {name: defaultdict(Counter) for name in _BREAKDOWNS}
    totals: Counter[str] = Counter()
    held_total: Counter[str] = Counter()
    showings = 0
    for week in asked.weeks:
        shown["weeks"][week_name(week)] = Counter()
        held["weeks"][week_name(week)] = Counter()
    for kind in kinds:
        seen = kind.mode == store_rows.SHOWN
        parts = Counter(dict.fromkeys(tables.counted(kind) if seen else (SHOWN,), kind.cards))
        (totals if seen else held_total).update(parts)
        showings += kind.showings if seen else 0
        for name, of in _BREAKDOWNS.items():
            (shown if seen else held)[name][of(kind)].update(parts)
    return {
        "from": asked.first.isoformat(),
        "to": asked.last.isoformat(),
        "client": asked.client,
        "module": asked.module,
        "terms": {
            "small": terms.small,
            "acceptance": terms.acceptance,
            "minimum": terms.minimum,
            "waitDays": terms.wait_days,
        },
        "all": _all(totals, terms.small, showings),
        "tables": _tables(shown, totals, terms),
        "held": {"all": _number(held_total[SHOWN], terms.small), "tables": _held_tables(held, held_total, terms.small)},
    }


def _number(count: int, small: int) -> Told:
    return tables.said(count, small) if 0 < count < small else count


def _all(totals: Counter[str], small: int, showings: int = 0) -> dict[str, Told]:
    """The sums over everything. Of two parts of which one is small, neither is told."""
    if 0 < totals[SHOWN] < small:
        return {SHOWN: tables.said(totals[SHOWN], small)}
    detail = tables.detail_of(totals, small)
    line: dict[str, Told] = {part: totals[part] for part in detail.parts()}
    if detail.answered and not detail.outcomes:
        few, many = sorted((ACCEPTED, OVERRIDDEN), key=lambda part: totals[part])
        if totals[many] >= 2 * small:  # so that the small one may have any small value
            line |= {few: tables.said(totals[few], small), many: tables.WITHHELD}
    if detail.again:  # else what goes beyond one for each card would tell how many were shown again
        line[tables.SHOWINGS] = showings
    return line


def _tables(
    shown: Mapping[str, Mapping[str, Counter[str]]], totals: Counter[str], terms: Terms
) -> dict[str, dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for name, rows in shown.items():
        if 0 < totals[SHOWN] < terms.small:
            made[name] = _as_json(Table(Detail(), {}, few=True))
            continue
        most = tables.detail_of(totals, terms.small, reasons=name == "rules")
        made[name] = _as_json(tables.told(dict(sorted(rows.items())), most, terms.small, pool=name in _POOLED))
    rare = 0 < totals[ACCEPTED] < terms.small
    for row in made["rules"]["rows"]:
        row["judged"] = (
            TOO_FEW
            if row["name"] == tables.OTHERS
            else _judged(row["counts"], terms, rare=rare and ACCEPTED in _all(totals, terms.small))
        )
    return made


def _as_json(table: Table) -> dict[str, Any]:
    groups = {group: sorted(reasons) for group, reasons in (table.detail.reasons or {}).items()}
    return {
        "few": table.few,
        "columns": [] if table.few else table.detail.parts(),
        "reasons": groups,
        "others": list(table.pooled),
        "rows": [{"name": name, "counts": counts} for name, counts in table.rows.items()],
    }


def _judged(counts: Mapping[str, Told], terms: Terms, *, rare: bool) -> str:
    """Whether a rule is flagged, as far as what is told says so.

    `rare`: acceptance is so rare that the report says only that it is small altogether, and so for each rule.
    """
    answered, accepted = counts.get(ANSWERED), counts.get(ACCEPTED)
    if not isinstance(answered, int):
        few = tables.said(0, terms.small) in (answered, counts.get(SHOWN))
        return TOO_FEW if few and terms.small <= terms.minimum else UNKNOWN
    if answered < terms.minimum:
        return TOO_FEW
    if isinstance(accepted, int):
        return FLAGGED if 100 * accepted < terms.acceptance * answered else FINE
    if accepted != tables.WITHHELD and (accepted is not None or rare):
        least, most = (1 if accepted is not None else 0), terms.small - 1
        if 100 * most < terms.acceptance * answered:
            return FLAGGED
        return FINE if 100 * least >= terms.acceptance * answered else UNKNOWN
    return UNKNOWN


def _held_tables(
    held: Mapping[str, Mapping[str, Counter[str]]], total: Counter[str], small: int
) -> dict[str, dict[str, Any]]:
    if not total[SHOWN]:
        return {}
    plain = Detail(answered=False, outcomes=False, both=False, waiting=False, again=False)
    few = 0 < total[SHOWN] < small
    return {
        name: _as_json(
            Table(plain, {}, few=True)
            if few
            else tables.told(dict(sorted(rows.items())), plain, small, pool=name in _POOLED)
        )
        for name, rows in held.items()
    }
