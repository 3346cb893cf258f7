"""The figures as tables: what was measured, and the targets that it reaches or misses."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
BEGIN: Final = "<!-- measured: begin (written by make bench) -->"
END: Final = "<!-- measured: end -->"
STACK, TOKENS, FLOOR, ADAPTER, RAW = "stack", "tokens", "floor", "adapter", "raw"
ALONE, WELL, STUCK, HALF = "alone", "well", "stuck", "half"
DEADLINE_MS: Final = 500
"""ANSWER_WITHIN_MS as it is by default."""


@dataclass(frozen=True)
class Sample:
    """One run: calls per second, milliseconds at median and 99th percentile, CPU milliseconds per call."""

    rate: float
    p50: float
    p99: float
    cpu: float


@dataclass(frozen=True)
class Neighbor:
    """What the calls of one client came to while another client's FHIR server was in some state; medians.

    Attributes:
        state: of that server.
        rate: calls per second as fast as the answers come.
        p50, p99: milliseconds at a set pace.
        asking: median, 99th percentile and the same beside calls as fast as they go, in milliseconds, of the calls of
            the other client; None where it made none.
    """

    state: str
    rate: float
    p50: float
    p99: float
    asking: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Memory:
    """What a service had in memory, in MB.

    Attributes:
        workers: how many worker processes it has.
        peak: the most that the largest worker ever had, pages that it shares counted whole (VmHWM).
        worker: proportional set size of the largest worker when all calls were made.
        whole: the same of all processes of the service, the first one included.
    """

    workers: int
    peak: float
    worker: float
    whole: float


@dataclass
class Figures:
    """Everything that was measured.

    Attributes:
        names: contender -> its name in tables.
        runs: (contender, size) -> its runs.
        calm: size -> runs of the stack at half of its saturation rate.
        inside: size -> step -> CPU milliseconds inside screening.
        memory: contender -> MB of proportional set size.
        growth: (calls made, MB before, MB after) of the stack.
        services: service -> what it had in memory when all calls were made.
        first_answer: seconds from the start to the first answered call.
        starts: service -> seconds from its start until it was ready.
        resources: size -> (resources, bytes) of a call.
        hanging: state of another client's FHIR server -> what that did.
        facts: what machine and which versions.
    """

    names: dict[str, str] = field(default_factory=dict)
    runs: dict[tuple[str, str], list[Sample]] = field(default_factory=dict)
    calm: dict[str, list[Sample]] = field(default_factory=dict)
    inside: dict[str, Mapping[str, float]] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    growth: tuple[int, float, float] = (0, 0.0, 0.0)
    services: dict[str, Memory] = field(default_factory=dict)
    first_answer: float = 0.0
    starts: dict[str, float] = field(default_factory=dict)
    resources: dict[str, tuple[int, int]] = field(default_factory=dict)
    hanging: dict[str, Neighbor] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)

    def add(self, contender: str, size: str, sample: Sample) -> None:
        """Keep a run."""
        self.runs.setdefault((contender, size), []).append(sample)

    def rate(self, contender: str, size: str) -> float | None:
        """Median calls per second."""
        return self._median(contender, size, lambda sample: sample.rate)

    def cpu(self, contender: str, size: str) -> float | None:
        """Median CPU milliseconds per call."""
        return self._median(contender, size, lambda sample: sample.cpu)

    def _median(self, contender: str, size: str, of: Callable[[Sample], float]) -> float | None:
        runs = self.runs.get((contender, size))
        return median(map(of, runs)) if runs else None


@dataclass(frozen=True)
class Goal:
    """One target: what was measured against the limit; `value` is None where it could not be measured."""

    what: str
    value: float | None
    limit: float
    unit: str
    at_least: bool = False
    aim: float | None = None

    @property
    def reached(self) -> str:
        """In one word."""
        if self.value is None:
            return "not measured"
        return "reached" if (self.value >= self.limit if self.at_least else self.value <= self.limit) else "**missed**"

    def row(self) -> str:
        """As a row of a table."""
        sign = ">=" if self.at_least else "<="
        aim = f", aim {self.aim:g}" if self.aim is not None else ""
        value = "-" if self.value is None else f"{self.value:.2f}".rstrip("0").rstrip(".") + self.unit
        return f"| {self.what} | {value} | {sign} {self.limit:g}{self.unit}{aim} | {self.reached} |"


def goals(f: Figures) -> list[Goal]:
    """All targets, in the order of the table that set them."""
    found: list[Goal] = []
    for size in ("medium", "large"):
        ours = f.rate(STACK, size)
        found.append(
            Goal(f"throughput over HealthChain's documented adapter, {size}", _ratio(ours, f.rate(ADAPTER, size)),
                 10, " x", at_least=True, aim=15 if size == "medium" else None)
        )  # fmt: skip
    for size in ("medium", "large"):
        ratio = _ratio(f.rate(STACK, size), f.rate(RAW, size))
        found.append(Goal(f"throughput over HealthChain on raw dicts, {size}", ratio, 1.5, " x", at_least=True))
    for size, limit, aim in (("medium", 3.0, 2.0), ("large", 2.5, 1.7)):
        ratio = _ratio(f.cpu(STACK, size), f.cpu(FLOOR, size))
        found.append(Goal(f"CPU per call over the floor, no tokens, {size}", ratio, limit, " x", aim=aim))
    with_tokens, without, floor = f.cpu(TOKENS, "medium"), f.cpu(STACK, "medium"), f.cpu(FLOOR, "medium")
    extra = max(0.0, with_tokens - without) if with_tokens is not None and without is not None else None
    found.append(Goal("extra CPU for ES384 tokens over the floor, medium", _ratio(extra, floor), 0.8, " x"))
    for size, share in (("medium", 25.0), ("large", 15.0)):
        found.append(Goal(f"chart and rules, share of the call's CPU, {size}", _share(f, size), share, " %"))
    growth = _ratio(f.cpu(STACK, "large"), f.cpu(STACK, "medium"))
    found.append(Goal("CPU of large over CPU of medium", growth, 14, " x"))
    for size in ("medium", "large"):
        spread = median(s.p99 / s.p50 for s in f.calm[size]) if f.calm.get(size) else None
        found.append(Goal(f"p99 over p50 at half of the saturation rate, {size}", spread, 4, " x"))
    found.append(Goal("memory of the three services", f.memory.get(STACK), 200, " MB"))
    calls, before, after = f.growth
    grown = (after / before - 1) * 100 if calls else None
    found.append(Goal(f"memory after {calls:,} further calls: growth", grown, 2, " %"))
    found.append(Goal("`make run` to its first answer", f.first_answer or None, 5, " s"))
    return [*found, *_hanging(f)]


def _hanging(f: Figures) -> Iterator[Goal]:
    """That an EHR that hangs makes no answer late, and costs no other client anything."""
    well = f.hanging.get(WELL)
    for state, says in ((STUCK, "never answers"), (HALF, "answers half")):
        one = f.hanging.get(state)
        asking = one.asking if one is not None else None
        yield Goal(f"p99 of the answer while its FHIR server {says}", asking[1] if asking else None, DEADLINE_MS, " ms")
        rate, p99 = (_ratio(one.rate, well.rate), _ratio(one.p99, well.p99)) if one and well else (None, None)
        what = f"while another client's FHIR server {says}, over the healthy case"
        yield Goal(f"calls/s {what}", rate, 0.9, " x", at_least=True)
        yield Goal(f"p99 at a set pace {what}", p99, 1.25, " x")


def _ratio(value: float | None, base: float | None) -> float | None:
    return value / base if value is not None and base else None


def _share(f: Figures, size: str) -> float | None:
    inside, whole = f.inside.get(size), f.cpu(STACK, size)
    return (inside["chart"] + inside["rules"]) / whole * 100 if inside and whole else None


def page(f: Figures, notes: Sequence[str]) -> str:
    """The generated part of docs/performance.md."""
    parts = [_table(["target", "measured", "wanted", ""], [goal.row() for goal in goals(f)])]
    parts.append(_table(_HEAD, list(_contenders(f))))
    if f.services:
        parts.append(_table(_MEMORY_HEAD, [_memory(name, had) for name, had in f.services.items()]))
    if f.starts:
        parts.append(_table(["cold start", "s"], list(_starts(f))))
    if f.inside:
        steps = ("envelope", "reading", "chart", "rules", "screening")
        head = ["inside screening, CPU ms", "envelope", "reading JSON", "chart", "rules", "whole WSGI call"]
        rows = [
            "| " + " | ".join([size, *(f"{inside[s]:.2f}" for s in steps)]) + " |" for size, inside in f.inside.items()
        ]
        parts.append(_table(head, rows))
    if f.hanging:
        parts.append(hanging(f.hanging))
    facts = [f"* {name}: {value}" for name, value in f.facts.items()]
    facts += [
        f"* {size} call: {count:,} resources, {size_of / 1000:,.0f} KB"
        for size, (count, size_of) in f.resources.items()
    ]
    parts.append("\n".join([*facts, *(f"* {note}" for note in notes)]))
    return "\n\n".join(parts) + "\n"


def hanging(found: Mapping[str, Neighbor]) -> str:
    """What EHRs that hang do, as a table; ratios are to the case in which the other's FHIR server is well."""
    head = [
        "while", "calls/s", "ratio", "p50 ms", "p99 ms", "ratio of p99", "the other's p50 ms", "its p99 ms",
        "its p99 ms, both busy",
    ]  # fmt: skip
    well = found[WELL]
    rows: list[str] = []
    for one in found.values():
        other = [f"{ms:.0f}" for ms in one.asking] if one.asking is not None else ["", "", ""]
        ratios = f"{one.rate / well.rate:.2f}", f"{one.p99 / well.p99:.2f}"
        figures = [f"{one.rate:.0f}", ratios[0], f"{one.p50:.1f}", f"{one.p99:.1f}", ratios[1], *other]
        rows.append(f"| {one.state} | {' | '.join(figures)} |")
    return _table(head, rows)


_HEAD: Final = ["contender", "call", "calls/s", "p50 ms", "p99 ms", "CPU ms/call", "memory MB", "runs"]


_MEMORY_HEAD: Final = [
    "peak memory per worker", "workers", "peak of the largest, MB", "in use by it, MB", "all of the service, MB",
]  # fmt: skip


def _memory(name: str, had: Memory) -> str:
    return f"| {name} | {had.workers} | {had.peak:.0f} | {had.worker:.0f} | {had.whole:.0f} |"


def _starts(f: Figures) -> Iterator[str]:
    yield f"| `make run` to its first answer | {f.first_answer:.2f} |"
    for name, seconds in f.starts.items():
        yield f"| {name}, from its start to the first good `/readyz` | {seconds:.2f} |"


def _contenders(f: Figures) -> list[str]:
    rows: list[str] = []
    for (contender, size), runs in sorted(f.runs.items(), key=lambda item: list(f.names).index(item[0][0])):
        middle = [median(getattr(run, name) for run in runs) for name in ("rate", "p50", "p99", "cpu")]
        rate, p50, p99, cpu = middle
        memory = f"{f.memory[contender]:.0f}" if contender in f.memory else ""
        speed = f"{rate:.0f} | {p50:.1f} | {p99:.1f} | {cpu:.2f}"
        rows.append(f"| {f.names[contender]} | {size} | {speed} | {memory} | {len(runs)} |")
    return rows


def _table(head: list[str], rows: list[str]) -> str:
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *rows])


def write(generated: str) -> None:
    """Put the generated part into the page, between its marks.

    Raises:
        ValueError: the page has no marks.
    """
    text = PAGE.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} lacks the marks between which the figures go")
    PAGE.write_text(f"{before}{BEGIN}\n\n{generated}\n{END}{after}", encoding="utf-8")
