"""The report: how cards are answered, by rule, hook, client and week, and which rules nobody follows.

It counts cards, not showings: one that an EHR got ten times is one card. Small counts are not told (`suppression`).
Everything that is derived, such as rates and what a rule is flagged for, is made from what is told.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from marshmallow.validate import Range

from chassis.environment import Environment
from screening import report_tables as tables
from screening.report_slices import Sliced, slice_of
from screening.report_tables import ACCEPTED, ANSWERED, OVERRIDDEN, SHOWN, Detail, Table, Told
from screening.store import rows as store_rows
from screening.store.report_rows import Kind, Wanted, midnight, monday

DEFAULT_WEEKS: Final = 13
MOST_WEEKS: Final = 106

TABLES: Final = ("rules", "hooks", "clients", "weeks")
PATIENT_VIEW: Final = "patient-view"
_RULES_BEFORE_HOOKS: Final = 4
"""So many times as much as a count of a hook that of a rule is worth."""
_CHARTS: Final = "charts"
_ORDERS: Final = "orders"
_PLAIN: Final = Detail(answered=False, outcomes=False, both=False, waiting=False, again=False)
_NOTHING: Final = Table(Detail(), {}, few=True)

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
    """`B12.ABNORMAL`, `ORD_IRON`: as the rule modes file has it; for a workup on an order hook, that too."""
    name = f"{kind.module}.{kind.state}" if kind.state else kind.module
    return f"{name} ({_ORDERS})" if kind.state and kind.hook != PATIENT_VIEW else name


def _family(row: str) -> str:
    """Whether a rule or hook belongs to charts or to orders: whoever knows our rules knows that."""
    if row in (PATIENT_VIEW, f"{tables.OTHERS}{_CHARTS}"):
        return _CHARTS
    return _CHARTS if "." in row and not row.endswith(f"({_ORDERS})") else _ORDERS


@dataclass(slots=True)
class _Sums:
    """Cards that were shown, or that were not, added up.

    Attributes:
        all: part -> count.
        families: charts or orders -> the same of these.
        tables: breakdown -> row -> the same of that row.
    """

    all: Counter[str] = field(default_factory=Counter)
    families: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    tables: dict[str, dict[str, Counter[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Counter))
    )

    def count(self, kind: Kind, parts: Iterable[str]) -> None:
        """Add the cards of a kind."""
        counted = Counter(dict.fromkeys(parts, kind.cards))
        rows = {"rules": rule_name(kind), "hooks": kind.hook, "clients": kind.client, "weeks": week_name(kind.week)}
        self.all.update(counted)
        self.families[_family(rows["hooks"])].update(counted)
        for table, row in rows.items():
            self.tables[table][row].update(counted)


def build(kinds: Iterable[Kind], asked: Question, terms: Terms) -> dict[str, Any]:
    """The report as a JSON document; docs/report.md says what its members mean.

    `kinds` are those of all clients and modules: a report on one client or module tells a part of what the whole may
    tell, or what is kept together with it.
    """
    shown, held = _Sums(), _Sums()
    for week in asked.weeks:
        for sums in (shown, held):
            sums.tables["weeks"][week_name(week)] = Counter()
    slices: dict[str, _Sums] = defaultdict(_Sums)
    showings = 0
    for kind in kinds:
        if kind.mode == store_rows.SHOWN:
            shown.count(kind, tables.counted(kind))
            slices[kind.client].count(kind, tables.counted(kind))
            showings += kind.showings
        else:
            held.count(kind, [SHOWN])
    whole = _Report(_all(shown.all, terms.small, showings), *_tables(shown, None, terms.small))
    silent = _Report({SHOWN: _number(held.all[SHOWN], terms.small)}, *_tables(held, _PLAIN, terms.small))
    if asked.client:
        whole = _of_client(whole, asked.client, slices, terms.small)
        silent = _row_of(silent, asked.client)
    if asked.module:
        whole, silent = (_of_module(one, asked.module) for one in (whole, silent))
    rare = whole.all.get(ACCEPTED) == tables.said(0, terms.small) if terms.small > 1 else False
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
        "all": whole.all,
        "tables": {
            name: _as_json(table, _verdicts(table, terms, rare=rare) if name == "rules" else {})
            for name, table in whole.tables.items()
        },
        "held": {
            "all": silent.all.get(SHOWN, tables.WITHHELD),
            "tables": {name: _as_json(table, {}) for name, table in silent.tables.items()} if held.all[SHOWN] else {},
        },
    }


@dataclass(frozen=True, slots=True)
class _Report:
    """What is told of some cards.

    Attributes:
        all: part -> count of all of them; what cannot be told is missing.
        tables: breakdown -> table.
        by_family: whether rules were told so that the sums over those of charts and of orders may be told.
    """

    all: Mapping[str, Told]
    tables: Mapping[str, Table]
    by_family: bool = False


def _of_client(whole: _Report, client: str, slices: Mapping[str, _Sums], small: int) -> _Report:
    """What is told of one client besides the whole: nothing that could be subtracted from it."""
    if client not in slices:
        return _Report({SHOWN: 0}, {})
    if len(slices) == 1:
        return whole
    clients = whole.tables["clients"]
    made = _row_of(whole, client)
    if clients.untold or client not in clients.rows:
        return made
    together = {name: clients.pooled.get(name, (name,)) for name in clients.rows}
    found: dict[str, Table] = {}
    for name, group in (("rules", _family if whole.by_family else tables.one_group), ("weeks", tables.one_group)):
        if not whole.tables[name].few:
            rows = {one: tables.added([slices[each].tables[name] for each in of]) for one, of in together.items()}
            sliced = Sliced(whole.tables[name], rows, group, pool=name == "rules")
            found[name] = slice_of(client, sliced, small)
    return replace(made, tables=found)


def _row_of(whole: _Report, client: str) -> _Report:
    """What the whole tells of a client in its table of clients."""
    clients = whole.tables["clients"]
    if client in clients.rows:
        return _Report(clients.rows[client], {})
    hidden = whole.all[SHOWN] != 0 and (clients.few or any(client in members for members in clients.pooled.values()))
    return _Report({} if hidden else {SHOWN: 0}, {})


def _of_module(whole: _Report, module: str) -> _Report:
    """What a report tells of one module in its table of rules."""
    rules = whole.tables.get("rules", _NOTHING)

    def mine(row: str) -> bool:
        return row == module or row.startswith(f"{module}.")

    rows = {row: counts for row, counts in rules.rows.items() if mine(row)}
    pooled = any(mine(row) for members in rules.pooled.values() for row in members)
    line: dict[str, Told] = {}
    for part in rules.detail.parts():
        counts = [told for row in rows.values() if isinstance(told := row[part], int)]
        if len(counts) == len(rows):
            line[part] = sum(counts)
    if rules.few or pooled:
        line = {}
    elif not rows:
        line = {SHOWN: 0}
    return _Report(line, {"rules": replace(rules, rows=rows, pooled={})} if rows else {})


def _number(count: int, small: int) -> Told:
    return tables.said(count, small) if 0 < count < small else count


def _all(totals: Counter[str], small: int, showings: int = 0) -> dict[str, Told]:
    """The sums over everything. Of two parts of which one is small, neither is told."""
    if 0 < totals[SHOWN] < small:
        return {SHOWN: tables.said(totals[SHOWN], small)}
    detail = tables.detail_of([totals], small)
    line: dict[str, Told] = {part: totals[part] for part in detail.parts()}
    if detail.answered and not detail.outcomes:
        few, many = sorted((ACCEPTED, OVERRIDDEN), key=lambda part: totals[part])
        if totals[many] >= 2 * small:  # so that the small one may have any small value
            line |= {few: tables.said(totals[few], small), many: tables.WITHHELD}
    if detail.again:  # else what goes beyond one for each card would tell how many were shown again
        line[tables.SHOWINGS] = showings
    return line


def _verdicts(rules: Table, terms: Terms, *, rare: bool) -> dict[str, str]:
    """The verdict on each rule."""
    return {
        name: TOO_FEW if name in rules.pooled else _judged(counts, terms, rare=rare)
        for name, counts in rules.rows.items()
    }


def _tables(sums: _Sums, most: Detail | None, small: int) -> tuple[dict[str, Table], bool]:
    """All tables, in at most the detail `most`; and whether rules were told by family.

    Rules belong to charts or to orders, and so do hooks: one table tells sums over rows of the other. So either both
    are told, and in no more detail than these sums allow, or the one of rules alone: whichever tells more.
    """
    if 0 < sums.all[SHOWN] < small:
        return dict.fromkeys(TABLES, _NOTHING), False
    alone = most or tables.detail_of([sums.all], small, reasons=True)
    plain = replace(alone, reasons=None)
    rules, hooks = tables.told(_sorted(sums.tables["rules"]), alone, small, pool=True), _NOTHING
    if not any(0 < totals[SHOWN] < small for totals in sums.families.values()):
        detail = most or tables.detail_of(list(sums.families.values()), small, reasons=True)
        too = tables.told(_sorted(sums.tables["rules"]), detail, small, pool=True, group=_family)
        also = tables.told(_sorted(sums.tables["hooks"]), replace(detail, reasons=None), small, group=_family)
        if too.worth + also.worth // _RULES_BEFORE_HOOKS >= rules.worth:
            rules, hooks = too, also
    clients = _sorted(sums.tables["clients"])
    return {
        "rules": rules,
        "hooks": hooks,
        "clients": tables.told_whole(clients, plain, small) or tables.told(clients, plain, small, pool=True),
        "weeks": tables.told(_sorted(sums.tables["weeks"]), plain, small),
    }, hooks is not _NOTHING


def _sorted(rows: Mapping[str, Counter[str]]) -> dict[str, Counter[str]]:
    return dict(sorted(rows.items()))


def _as_json(table: Table, verdicts: Mapping[str, str]) -> dict[str, Any]:
    groups = {group: sorted(reasons) for group, reasons in (table.detail.reasons or {}).items()}
    return {
        "few": table.few,
        "columns": [] if table.few else table.detail.parts(),
        "reasons": groups,
        "others": {name: list(members) for name, members in table.pooled.items()},
        "rows": [
            {"name": name, "counts": counts} | ({"judged": verdicts[name]} if verdicts else {})
            for name, counts in table.rows.items()
        ],
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
