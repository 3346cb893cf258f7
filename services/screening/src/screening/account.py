"""What the gateway is told about a call besides its cards: for the audit line, and where the time went."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from screening.fhir.outcomes import TOO_MANY

AUDIT: Final = "Cds-Audit"
TIMING: Final = "Server-Timing"


@dataclass(slots=True)
class Account:
    """Counts and durations of one call; no patient data.

    Attributes:
        rules_version: of the rules in force.
        topics: of the cards.
        data: outcome -> how many prefetch keys came to it in the end.
        fetched: how many keys the EHR's FHIR server was asked for.
        store: `down` when the store was needed and could not be used; empty otherwise.
        timing: part of the work -> milliseconds.
    """

    rules_version: str
    topics: Counter[str] = field(default_factory=Counter)
    data: Counter[str] = field(default_factory=Counter)
    fetched: int = 0
    store: str = ""
    timing: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Count the time of what is done within to this part."""
        began = monotonic()
        try:
            yield
        finally:
            self.timing[part] = self.timing.get(part, 0.0) + 1000 * (monotonic() - began)

    def headers(self) -> dict[str, str]:
        """The headers of the answer."""
        told = {
            "topics": dict(self.topics),
            "rulesVersion": self.rules_version,
            "data": dict(self.data),
            "fetched": self.fetched,
        }
        if self.store:
            told["store"] = self.store
        made = {AUDIT: json.dumps(told, separators=(",", ":"))}
        if self.timing:
            shares = [f"{part};dur={ms:.1f}" for part, ms in self.timing.items()]
            shares += [f'{TOO_MANY};desc="keys: {number}"' for number in (self.data[TOO_MANY],) if number]
            made[TIMING] = ", ".join(shares)
        return made
