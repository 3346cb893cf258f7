"""The answers that are looked at card by card: every exchange and one scenario for each card that can be served."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import requests

from contract import exchanges
from contract.client import Client
from screening.synthetic import charts as wire
from screening.synthetic import specimens
from tryout.ehr import answer_prefetch

ONE_OF_EACH: Final[list[dict[str, Any]]] = specimens.one_of_each()


@dataclass(frozen=True)
class Answered:
    """A call that was answered with 200.

    Attributes:
        name: which call.
        request: the body sent.
        response: the body received.
    """

    name: str
    request: Mapping[str, Any]
    response: Mapping[str, Any]

    @property
    def cards(self) -> list[Mapping[str, Any]]:
        """The cards received."""
        cards: list[Mapping[str, Any]] = self.response["cards"]
        return cards


def collect(client: Client, services: Mapping[str, Mapping[str, Any]], today: date) -> list[Answered]:
    """Send them all, and keep what was answered with 200; that all were is what test_calls.py looks at."""
    found: list[Answered] = []
    for exchange in exchanges.load(
        "patient-view-prefetch", "patient-view-mixed", "patient-view-partial", "patient-view-epic",
        "order-select-prefetch", "order-select-epic", "order-select-sandbox", "order-sign",
    ):  # fmt: skip
        service = services[exchange.hook]
        found += _answered(client, service, exchange.name, exchange.request(service["prefetch"], today))
    for scenario in ONE_OF_EACH:
        service = services[scenario["hook"]]
        request = wire.call(scenario, service["prefetch"], today, answer_prefetch)
        found += _answered(client, service, scenario["id"], request)
    return found


def _answered(client: Client, service: Mapping[str, Any], name: str, request: Mapping[str, Any]) -> Iterator[Answered]:
    answer = client.post(f"/cds-services/{service['id']}", request)
    if answer.status_code == requests.codes.ok:
        yield Answered(name, request, answer.json())
