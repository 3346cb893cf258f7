"""What is done with the card of a rule that is due: shown, recorded in silence, shown to a few, or switched off.

The table is a site's own, versioned and approved (docs/rule-modes.md); `rule_modes_file` reads it. Nothing here changes
what a rule decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Final

from screening.domain import findings
from screening.knowledge import topics

ON: Final = "on"
OFF: Final = "off"
SILENT: Final = "silent"
CANARY: Final = "canary"
EVERYTHING: Final = "*"


@dataclass(frozen=True, slots=True)
class Mode:
    """`kind` is on, off, silent or canary; `percent`, of a canary, is for how many of 100 patients cards are shown."""

    kind: str
    percent: int = 0

    def __str__(self) -> str:
        return f"{self.kind} {self.percent} %" if self.kind == CANARY else self.kind


SHOWN: Final = Mode(ON)

Table = Mapping[str, Mode]
"""Rule -> mode. A rule is `B12`, narrowed `B12.BORDERLINE`, or `*`."""

_NONE: Final[Table] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RuleModes:
    """The modes of one file.

    Attributes:
        version: of the file, as traces and the ledger name it.
        approver: who answers for it.
        approved: on which day.
        reason: why, in the approver's words.
        everywhere: what holds for all clients.
        clients: client -> what holds for it before that.
    """

    version: str
    approver: str
    approved: date
    reason: str
    everywhere: Table = field(default_factory=lambda: _NONE)
    clients: Mapping[str, Table] = field(default_factory=lambda: MappingProxyType({}))

    def mode(self, client: str, module: str, state: str) -> Mode:
        """The mode in force for a card: a client's own line before that for all, and there the narrowest."""
        named = (rule_name(module, state), module, EVERYTHING)
        for table in (self.clients.get(client, _NONE), self.everywhere):
            for name in named:
                if (found := table.get(name)) is not None:
                    return found
        return SHOWN


def rule_name(module: str, state: str) -> str:
    """How the file names a card: `B12.ABNORMAL`, `ORD_IRON`."""
    return f"{module}.{state}" if state else module


CARDS: Final[tuple[tuple[str, str], ...]] = topics.KINDS
"""Every kind of card that there is: module and state; order rules have no state."""

NAMES: Final[tuple[str, ...]] = tuple(
    dict.fromkeys(name for module, state in CARDS for name in (module, rule_name(module, state)))
)
"""Every name that a table may have, besides `*`."""

MAY_BE_CRITICAL: Final = frozenset(
    {("CA", findings.CRITICAL_STATE), ("CU", findings.ABNORMAL), ("ORD_N2O", ""), ("ORD_EDTA", "")}
)
"""The kinds of cards that can be critical: who holds one of these back is told so."""
