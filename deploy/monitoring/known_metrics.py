"""Every metric that the services tell, read from the code; writes docs/metrics.md.

python deploy/monitoring/known_metrics.py [--check]    from the root; --check writes nothing, and exits with 1 if it is
                                                       not what it should be
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from types import ModuleType
from typing import Final

import chassis.metrics
import content.metrics
import gateway.metrics
import screening.metrics
from chassis.metrics import SECONDS, Count, Level, Times
from chassis.serving.counted import PROCESSES

PAGE: Final = Path("docs", "metrics.md")
_INTRODUCTION: Final = Path(__file__).with_name("metrics_page.md")
EVERY: Final = "every service"
_MODULES: Final[Sequence[tuple[str, ModuleType]]] = (
    (EVERY, chassis.metrics),
    ("gateway", gateway.metrics),
    ("screening", screening.metrics),
    ("content", content.metrics),
)


@dataclass(frozen=True)
class Known:
    """A metric.

    Attributes:
        name: as Prometheus has it; of a histogram without `_bucket`, `_sum` and `_count`.
        kind: counter, gauge or histogram.
        labels: besides `job` and `instance`, which Prometheus adds.
        text: what it means.
        service: who tells it.
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str
    service: str

    @property
    def series(self) -> tuple[str, ...]:
        """The names under which its samples are stored."""
        if self.kind != "histogram":
            return (self.name,)
        return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))


def known() -> list[Known]:
    """All of them, by service, in the order of the code."""
    found = [one for service, module in _MODULES for one in _of(service, module)]
    return found + [Known(name, kind, (), text, EVERY) for name, (kind, text) in PROCESSES.items()]


def _of(service: str, module: ModuleType) -> Iterator[Known]:
    for one in vars(module).values():
        if isinstance(one, Count | Times | Level):
            yield Known(one.name, one.kind, one.labels, one.text, service)


def rendered() -> str:
    """The page."""
    seconds = ", ".join(f"{one:g}" for one in SECONDS)
    introduction = Template(_INTRODUCTION.read_text(encoding="utf-8"))
    most = f"{chassis.metrics.MOST_SERIES:,}"
    parts = [introduction.substitute(seconds=seconds, most=most, other=chassis.metrics.OTHER)]
    for service in dict.fromkeys(one.service for one in known()):
        parts.append(f"\n## {service.capitalize()}\n\n| Metric | Kind | Labels | Meaning |\n|---|---|---|---|\n")
        parts += [_row(one) for one in known() if one.service == service]
    return "".join(parts)


def _row(one: Known) -> str:
    labels = ", ".join(f"`{label}`" for label in one.labels)
    return f"| `{one.name}` | {one.kind} | {labels} | {one.text} |\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when the page is stale")
    options = parser.parse_args(arguments)
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == rendered():
        return 0
    if not options.check:
        PAGE.write_text(rendered(), encoding="utf-8")
    sys.stdout.write(f"{'stale' if options.check else 'wrote'}: {PAGE}\n")
    return 1 if options.check else 0


if __name__ == "__main__":
    sys.exit(main())
