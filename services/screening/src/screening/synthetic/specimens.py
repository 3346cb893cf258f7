"""The specimens of the card studio: a patient for each card that the service can emit (`specimens.yaml`)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from screening.synthetic import charts, files
from screening.synthetic.charts import Resource

FILE: Final = Path(__file__).parent / "specimens.yaml"
AS_OF: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
"""The moment of every specimen's call. It never changes, so that the cards of two releases can be compared."""


@dataclass(frozen=True, slots=True)
class Specimen:
    """A patient, and which of the patient's cards it is about.

    Attributes:
        id: stable, and a fragment of an address.
        story: which patient gives this card.
        hook: of the call.
        shows: the modules of the cards that it is about.
        filled: `worst-case` where names and values of a site are as long as they may be.
        scenario: the chart in the short form.
        expected: the cards of the call, as a scenario expects them.
    """

    id: str
    story: str
    hook: str
    shows: tuple[str, ...]
    filled: str
    scenario: Mapping[str, Any]
    expected: tuple[Mapping[str, Any], ...]

    @property
    def record(self) -> list[Resource]:
        """The patient's record as FHIR resources."""
        return charts.chart(self.scenario, AS_OF.date())

    @property
    def drafts(self) -> list[Resource]:
        """The draft orders, on order hooks."""
        entries: list[dict[str, Any]] = self._context.get("draftOrders", {}).get("entry", [])
        return [entry["resource"] for entry in entries]

    @property
    def selections(self) -> list[str] | None:
        """The selected drafts; None where there is no selecting."""
        selected: list[str] | None = self._context.get("selections")
        return selected

    @property
    def not_delivered(self) -> tuple[str, ...]:
        """Prefetch keys or workup ids that were not delivered."""
        return tuple(str(name) for name in self.scenario.get("not_delivered", ()))

    @property
    def _context(self) -> dict[str, Any]:
        return charts.context(self.scenario, AS_OF.date())


@cache
def specimens() -> tuple[Specimen, ...]:
    """All specimens in the order of the file."""
    return tuple(_specimen(case.scenario) for case in files.read(FILE))


def one_of_each() -> list[dict[str, Any]]:
    """The first specimen of each kind of card, as scenarios: the shortest chart that brings it."""
    return [dict(specimen.scenario) for specimen in _first_of_each()]


def _first_of_each() -> Iterator[Specimen]:
    seen: set[tuple[str, str, str]] = set()
    for specimen in specimens():
        kinds = {_kind(card) for card in specimen.expected if card["module"] in specimen.shows}
        if not specimen.filled and not kinds <= seen:
            seen |= kinds
            yield specimen


def _kind(card: Mapping[str, Any]) -> tuple[str, str, str]:
    return card["module"], card.get("state", ""), card["indicator"]


def _specimen(scenario: dict[str, Any]) -> Specimen:
    chart = {key: value for key, value in scenario.items() if key not in ("shows", "filled")}
    expected = tuple(scenario["expect"]["cards"])
    return Specimen(
        id=scenario["id"],
        story=scenario["desc"],
        hook=scenario["hook"],
        shows=tuple(scenario.get("shows", [expected[0]["module"]])),
        filled=scenario.get("filled", ""),
        scenario=chart,
        expected=expected,
    )
