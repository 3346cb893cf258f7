"""The patients of the workbench: scenarios with a title, a story and a place in the list (`cases.yaml`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

import yaml

from screening.domain.orders.registry import ORDER_RULES
from screening.domain.workups.registry import BY_MODULE
from screening.synthetic import charts
from screening.synthetic.charts import Display, Resource
from screening.synthetic.files import read

_FILE: Final = files("screening.synthetic") / "cases.yaml"
_MERGED: Final[Mapping[str, str]] = {"SCREEN": "tests that are missing", "DATA": "what could not be assessed"}
_RULES: Final[Mapping[str, str]] = {rule.name: rule.described.title for rule in ORDER_RULES}


@dataclass(frozen=True, slots=True)
class Case:
    """A patient of the workbench.

    Attributes:
        id: part of the page's address.
        title: what the list says.
        story: one sentence: why this patient matters, and what the service does.
        group: the part of the list that the case stands in.
        scenario: the chart in the form of `charts`, with the cards that are expected.
    """

    id: str
    title: str
    story: str
    group: str
    scenario: Mapping[str, Any]

    @property
    def hook(self) -> str:
        """The hook on which the case is telling."""
        return str(self.scenario["hook"])

    @property
    def user(self) -> str:
        """Who calls, as `Type/id`."""
        return str(self.scenario.get("user", charts.USER))

    @property
    def not_delivered(self) -> tuple[str, ...]:
        """Prefetch keys or workup ids that this EHR does not answer."""
        return tuple(self.scenario.get("not_delivered", ()))

    @property
    def expects(self) -> tuple[str, ...]:
        """What the service is held to, a line for each card; none where it is to be silent."""
        return tuple(_expected(card) for card in self.scenario["expect"]["cards"])

    def record(self, today: date, display: Display) -> list[Resource]:
        """The patient's record on this day as FHIR R4 resources, Patient first."""
        return charts.named(charts.chart(self.scenario, today), display)

    def drafts(self, today: date, display: Display) -> list[Resource]:
        """The draft orders; none on patient-view."""
        entries = charts.context(self.scenario, today).get("draftOrders", {}).get("entry", [])
        return charts.named([entry["resource"] for entry in entries], display)

    def selections(self, today: date) -> list[str]:
        """Which of the drafts are selected, as `Type/id`; none but on order-select."""
        return list(charts.context(self.scenario, today).get("selections", ()))


@dataclass(frozen=True, slots=True)
class ReadyOrder:
    """A draft order that can be added to any case."""

    label: str
    resource: Resource


@dataclass(frozen=True, slots=True)
class Cases:
    """All of them, in the order of the list, and the draft orders that can be added."""

    groups: tuple[str, ...]
    cases: tuple[Case, ...]
    orders: tuple[Mapping[str, Any], ...]

    def of(self, name: str) -> Case | None:
        """The case of this id."""
        return next((case for case in self.cases if case.id == name), None)

    def ready_orders(self, today: date, display: Display) -> list[ReadyOrder]:
        """The draft orders that can be added, of no patient yet."""
        found: list[ReadyOrder] = []
        for number, item in enumerate(self.orders, start=1):
            scenario = {"id": "any", "hook": "order-sign", "draft": [{"id": f"added-{number}", **item}]}
            (entry,) = charts.context(scenario, today)["draftOrders"]["entry"]
            (resource,) = charts.named([entry["resource"]], display)
            del resource["subject"]
            found.append(ReadyOrder(item["label"], resource))
        return found


@cache
def packaged() -> Cases:
    """The cases of this package; read once a process.

    Raises:
        ValueError: a case lacks its title, story or group, or stands in a group that is not listed.
    """
    with as_file(_FILE) as path:
        return _read(path)


def _read(path: Path) -> Cases:
    document = yaml.safe_load(path.read_text("utf-8"))
    groups = tuple(document["groups"])
    cases = tuple(_case(one.scenario, groups) for one in read(path))
    return Cases(groups, cases, tuple(document["orders"]))


def _case(scenario: Mapping[str, Any], groups: Sequence[str]) -> Case:
    told = {name: str(scenario.get(name, "")).strip() for name in ("id", "title", "story", "group")}
    if not all(told.values()) or told["group"] not in groups:
        raise ValueError(f"{_FILE.name}: {told['id']}: needs title, story and one of the groups {', '.join(groups)}")
    return Case(**told, scenario=scenario)


def _expected(card: Mapping[str, Any]) -> str:
    module = card["module"]
    own = f"{BY_MODULE[module].label}, {card['state'].lower()}" if module in BY_MODULE else _RULES.get(module, "")
    includes = ", ".join(BY_MODULE[one].label for one in card.get("includes", ()))
    about = _MERGED.get(module) or own
    return f"{card['indicator']}: {about} ({includes})" if includes else f"{card['indicator']}: {about}"
