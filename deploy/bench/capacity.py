"""How many replicas, how much memory and disk for so many hospitals: docs/capacity.md, computed.

`python deploy/bench/capacity.py` writes the page's computed part from what was measured (the tables of
docs/performance.md, which `make bench` writes, and footprint.json) and from the assumptions below; `--check` says
whether it is what these say, and changes nothing.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
PERFORMANCE: Final = ROOT / "docs" / "performance.md"
PAGE: Final = ROOT / "docs" / "capacity.md"
FOOTPRINT: Final = Path(__file__).parent / "footprint.json"
BEGIN: Final = "<!-- computed: begin (written by deploy/bench/capacity.py) -->"
END: Final = "<!-- computed: end -->"
HOSPITALS: Final = (10, 100, 1_000)
SIZES: Final = ("small", "medium", "large")
SERVICES: Final = ("gateway", "screening", "content")
_ORDERS_SOURCE: Final = (
    "22.8 for each inpatient of general medicine and day, 34.2 in intensive care: [one US center, 2014-2016]"
    "(https://shmabstracts.org/abstract/computerized-orders-as-a-proxy-for-patient-clinical-acuity/)"
)
_PREVALENCE_SOURCE: Final = (
    "isolated dystonia is 31 in 100,000 people ([meta-analysis 2022](https://doi.org/10.1002/mdc3.13524)), all forms 60"
    " ([Hannover 2022](https://doi.org/10.1007/s00415-022-11310-9)); more of those who are in a hospital, and further"
    " codes count, so fifty times as many and more: on the safe side"
)


@dataclass(frozen=True)
class Assumed:
    """One figure that nobody has measured for us: what, how much, and where it is from."""

    what: str
    value: float
    source: str


ASSUMED: Final[Mapping[str, Assumed]] = {
    "inpatients": Assumed("inpatients of a hospital", 350, "assumption: 400 beds, seven of eight in use"),
    "visits": Assumed("outpatient visits and emergencies on a weekday", 1_500, "assumption"),
    "opened": Assumed("chart openings for each inpatient and day", 40, "assumption; the EHR's access log has yours"),
    "opened_visit": Assumed("chart openings for each visit", 6, "assumption"),
    "orders": Assumed("orders for each inpatient and day", 23, _ORDERS_SOURCE),
    "orders_visit": Assumed("orders for each visit", 3, "assumption"),
    "signed": Assumed("orders that are signed at once", 3, "assumption"),
    "busiest": Assumed("share of a weekday's calls in its busiest hour", 0.10, "assumption; evenly spread: 0.04"),
    "burst": Assumed("busiest minute of that hour, over its mean", 2, "assumption; all hospitals at the same time"),
    "small": Assumed("share of small calls", 0.20, "assumption: a new patient"),
    "medium": Assumed("share of medium calls", 0.75, "assumption: a laboratory history of some years"),
    "large": Assumed("share of large calls", 0.05, "assumption: 1,200 resources under our keys"),
    "scope": Assumed("share of calls about a patient for whom a rule has something to say", 0.03, _PREVALENCE_SOURCE),
    "again": Assumed("share of these cards that were written down before", 0.95, "assumption; such a card is one row"),
    "answered": Assumed("share of cards that are answered", 0.30, "assumption"),
    "busy": Assumed("how busy a core may be", 0.60, "what the autoscalers in `deploy/kubernetes` aim at"),
    "lost": Assumed("replicas that may be away at once", 1, "or one in eight: a roll-out, a node, a zone"),
    "cores": Assumed("cores of a replica", 1, "two worker processes that are seldom both busy"),
    "cards_kept": Assumed("days for which a card is kept", 400, "`CARDS_KEPT_DAYS`"),
    "answers_kept": Assumed("days for which an answer is kept", 2_200, "`ANSWERS_KEPT_DAYS`"),
    "traces": Assumed("traces that are kept", 100_000, "`TRACE_MOST`; and no longer than a day, `TRACE_HOURS`"),
}  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """What docs/performance.md and footprint.json say.

    Attributes:
        cpu: size of the call -> CPU milliseconds of all services.
        rate: size of the call -> calls per second of the whole stack on `cores`.
        cores: of the machine, which the load generator shares.
        tokens: CPU milliseconds that a token adds.
        size: size of the call -> bytes of the request.
        memory: service -> MB of a replica in use.
        footprint: footprint.json.
    """

    cpu: Mapping[str, float]
    rate: Mapping[str, float]
    cores: int
    tokens: float
    size: Mapping[str, int]
    memory: Mapping[str, int]
    footprint: Mapping[str, Any]


@dataclass(frozen=True)
class Need:
    """What so many hospitals take."""

    hospitals: int
    calls_a_day: float
    peak: float
    cores: Mapping[str, float]
    replicas: Mapping[str, int]
    memory_gb: float
    rows_a_day: Mapping[str, float]
    database_gb: float
    inward_mbit: float
    outward_mbit: float
    connections: int


def measured(performance: str, footprint: Mapping[str, Any]) -> Measured:
    """Read what was measured.

    Raises:
        LookupError: the page does not say it.
    """
    stack = {size: _row(performance, rf"\| gateway \+ screening \| {size}") for size in SIZES}
    with_tokens = _row(performance, r"\| the same with ES384 tokens \| medium")
    sizes = {size: _found(performance, rf"\* {size} call: [\d,]+ resources, ([\d,]+) KB") for size in SIZES}
    return Measured(
        cpu={size: float(cells[3]) for size, cells in stack.items()},
        rate={size: float(cells[0]) for size, cells in stack.items()},
        cores=int(_found(performance, r"\* CPU: .*, (\d+) cores")),
        tokens=float(with_tokens[3]) - float(stack["medium"][3]),
        size={size: int(told.replace(",", "")) * 1_000 for size, told in sizes.items()},
        memory=_memory(performance) or footprint["services"]["memoryMB"],
        footprint=footprint,
    )


def _memory(performance: str) -> Mapping[str, int]:
    """Service -> MB of all its processes, as `make bench` has measured it; empty where the page is older than that."""
    rows = rf"(?m)^\| ({'|'.join(SERVICES)}) \| \d+ \| \d+ \| \d+ \| (\d+) \|$"
    found = {name: int(megabytes) for name, megabytes in re.findall(rows, performance)}
    return {name: found[name] for name in SERVICES} if found else {}


def _row(text: str, first: str) -> Sequence[str]:
    return [cell.strip() for cell in _found(text, rf"(?m)^{first} \|(.*)\|$").split("|")]


def _found(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise LookupError(f"docs/performance.md does not say {pattern}")
    return found[1]


def a(name: str) -> float:
    """An assumption's value."""
    return ASSUMED[name].value


def calls_a_day() -> Mapping[str, float]:
    """Hook -> calls of one hospital on a weekday."""
    orders = a("inpatients") * a("orders") + a("visits") * a("orders_visit")
    opened = a("inpatients") * a("opened") + a("visits") * a("opened_visit")
    return {"patient-view": opened, "order-select": orders, "order-sign": orders / a("signed")}


def cpu_of(service: str, found: Measured) -> float:
    """CPU milliseconds of a service for a call of the mix, with its token."""
    share = found.footprint["services"]["share"]
    own = sum(a(size) * found.cpu[size] * float(share[size][service]) for size in SIZES)
    return own + (found.tokens if service == "gateway" else 0.0)


def need(hospitals: int, found: Measured) -> Need:
    """What so many hospitals take."""
    day = hospitals * sum(calls_a_day().values())
    peak = day * a("busiest") / 3_600 * a("burst")
    cores = {name: peak * cpu_of(name, found) / 1_000 / a("busy") for name in ("gateway", "screening")}
    replicas = {name: _replicas(number) for name, number in cores.items()} | {"content": 2}
    rows, disk = _store(day, found.footprint["rows"])
    answer = found.footprint["services"]["answerBytes"]
    return Need(
        hospitals=hospitals,
        calls_a_day=day,
        peak=peak,
        cores=cores,
        replicas=replicas,
        memory_gb=sum(found.memory[name] * count for name, count in replicas.items()) / 1_000,
        rows_a_day=rows,
        database_gb=disk / 1e9,
        inward_mbit=peak * 8 / 1e6 * sum(a(size) * found.size[size] for size in SIZES),
        outward_mbit=peak * 8 / 1e6 * a("scope") * sum(a(size) * answer[size] for size in SIZES),
        connections=16 * replicas["screening"] + 2 * replicas["gateway"],
    )


def _replicas(cores: float) -> int:
    """At least two, and those that may be away: one in eight, at least one."""
    needed = max(1, ceil(round(cores / a("cores"), 6)))
    return needed + max(int(a("lost")), ceil(needed / 8))


def _store(day: float, rows: Mapping[str, Any]) -> tuple[Mapping[str, float], float]:
    """Table -> rows written on a weekday; and bytes of all that is kept, the tables at their fullest."""
    scope, other = rows["inScope"], rows["other"]
    shown = day * a("scope") * scope["cards"] / scope["calls"]
    cards = shown * (1 - a("again"))
    answers = cards * a("answered")
    trace = a("scope") * scope["trace"]["bytes"] + (1 - a("scope")) * other["trace"]["bytes"]
    kept = (
        cards * (1 - a("answered")) * a("cards_kept") * scope["card"]["bytes"]
        + answers * a("answers_kept") * (scope["card"]["bytes"] + scope["feedback"]["bytes"])
        + min(a("traces"), day) * trace
    )
    return {"cards": cards, "answers": answers, "traces": day}, kept


def page(found: Measured) -> str:
    """The computed part of docs/capacity.md."""
    return "\n\n".join(["\n".join(part) for part in (_summary(found), _a_core(found), _basis(found), _figures())])


def _summary(found: Measured) -> Iterator[str]:
    columns = [need(number, found) for number in HOSPITALS]
    yield "| | " + " | ".join(f"{one.hospitals:,} hospitals" for one in columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    lines: dict[str, Callable[[Need], str]] = {
        "calls on a weekday": lambda one: f"{_two(one.calls_a_day / 1e6)} million",
        "calls/s in the busiest minute": lambda one: _two(one.peak),
        "cores of gateway": lambda one: f"{one.cores['gateway']:.1f}",
        "cores of screening": lambda one: f"{one.cores['screening']:.1f}",
        "**replicas of gateway**": lambda one: f"**{one.replicas['gateway']}**",
        "**replicas of screening**": lambda one: f"**{one.replicas['screening']}**",
        "replicas of content": lambda one: f"{one.replicas['content']}",
        "memory of all replicas in use": lambda one: f"{one.memory_gb:.1f} GB",
        "PostgreSQL: cards written a day": lambda one: _two(one.rows_a_day["cards"]),
        "PostgreSQL: answers a day": lambda one: _two(one.rows_a_day["answers"]),
        "PostgreSQL: traces a day": lambda one: f"{_two(one.rows_a_day['traces'] / 1e6)} million",
        "traces reach back, hours": lambda one: _two(min(24, 24 * a("traces") / one.rows_a_day["traces"])),
        "PostgreSQL: size after six years": lambda one: f"{_two(one.database_gb)} GB",
        "PostgreSQL: connections": lambda one: f"{one.connections}",
        "network inward, busiest minute": lambda one: f"{_two(one.inward_mbit)} Mbit/s",
        "network outward, busiest minute": lambda one: f"{_two(one.outward_mbit)} Mbit/s",
    }
    for name, told in lines.items():
        yield f"| {name} | " + " | ".join(told(one) for one in columns) + " |"


def _a_core(found: Measured) -> Iterator[str]:
    yield "| call | CPU ms | with a token | calls/s of a full core | calls/s of a core as busy as it may be |"
    yield "|---|---|---|---|---|"
    mix = sum(a(size) * found.cpu[size] for size in SIZES)
    for name, cpu in [*((size, found.cpu[size]) for size in SIZES), ("the mix", mix)]:
        whole = cpu + found.tokens
        yield f"| {name} | {cpu:.2f} | {whole:.2f} | {1_000 / whole:.0f} | {1_000 / whole * a('busy'):.0f} |"


def _basis(found: Measured) -> Iterator[str]:
    services, rows = found.footprint["services"], found.footprint["rows"]
    yield "| measured | |"
    yield "|---|---|"
    shares = ", ".join(f"{size} {100 * services['share'][size]['gateway']:.0f} %" for size in SIZES)
    yield f"| the gateway's share of a call's CPU, no token | {shares} |"
    closed = ", ".join(f"{size} {found.rate[size]:.0f}" for size in SIZES)
    yield f"| calls/s of the whole stack on {found.cores} cores that it shares with what calls it | {closed} |"
    memory = ", ".join(f"{name} {megabytes} MB" for name, megabytes in found.memory.items())
    yield f"| memory of a replica in use | {memory} |"
    for table in ("card", "feedback", "trace"):
        size = rows["inScope"][table]["bytes"]
        yield f"| bytes of a row in `screening_{table}`, with its share of indexes | {size:,} |"
    yield f"| bytes of a trace of somebody else's call | {rows['other']['trace']['bytes']:,} |"
    scope = rows["inScope"]
    yield f"| cards of a call in which a rule has something to say | {scope['cards'] / scope['calls']:.1f} |"


def _figures() -> Iterator[str]:
    yield "| assumed or set | | where it is from |"
    yield "|---|---|---|"
    for one in ASSUMED.values():
        yield f"| {one.what} | {one.value:,g} | {one.source} |"


def _two(value: float) -> str:
    """A number with two significant figures: more would be a lie."""
    return f"{float(f'{value:.2g}'):,.10g}"


def main(arguments: Sequence[str]) -> int:
    """Write the page, or say whether it is current."""
    text = PAGE.read_text("utf-8")
    found = measured(PERFORMANCE.read_text("utf-8"), json.loads(FOOTPRINT.read_text("utf-8")))
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.stderr.write(f"{PAGE.name} lacks the marks between which the figures go\n")
        return 1
    wanted = f"{before}{BEGIN}\n\n{page(found)}\n\n{END}{after}"
    if list(arguments) == ["--check"]:
        if text != wanted:
            sys.stdout.write("stale: docs/capacity.md is not what was measured; python deploy/bench/capacity.py\n")
        return int(text != wanted)
    PAGE.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
