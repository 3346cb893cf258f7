"""What screening counts and times besides what every service does (`chassis.metrics`); docs/metrics.md lists it.

Labels are words of ours: topics of cards, keys of our prefetch, outcomes, names of clients as the gateway tells them,
FHIR servers that were agreed for a client. Nothing of a patient, no code of a result.
"""

from collections.abc import Iterable
from typing import Final

from chassis.metrics import Count, Level, Times

SCREENED: Final = Count(
    "cds_screened_total",
    "Calls answered with 200, by what went out (`cards`, `silent`) and by whether all prefetch keys came (`complete`,"
    " `gaps`, `none` where none was looked at).",
    "client", "service", "result", "prefetch",
)  # fmt: skip
CARDS: Final = Count("cds_cards_total", "Cards that went out, by topic.", "topic", "indicator")
CARDS_HELD: Final = Count(
    "cds_cards_held_total",
    "Cards that were due and did not go out: because of an answer, of the site's rule modes, or of a rule.",
    "module", "by",
)  # fmt: skip
PREFETCH_GAPS: Final = Count(
    "cds_prefetch_gaps_total",
    "Keys of ours that a call did not bring whole, by what became of them. A key that came, empty or not, is no gap:"
    " those that came are the calls of `cds_screened_total` less these.",
    "key", "outcome",
)  # fmt: skip
EHR_FETCHES: Final = Count(
    "cds_ehr_fetches_total", "Keys for which a client's FHIR server was asked, by what came of it.", "client", "outcome"
)
EHR_SECONDS: Final = Times("cds_ehr_fetch_seconds", "How long a client's FHIR server took for one key.", "client")
EHR_NOT_ASKED: Final = Count(
    "cds_ehr_not_asked_total",
    "Calls that lacked data for which the client's FHIR server might not be asked, by why.",
    "client", "reason",
)  # fmt: skip
EHR_BREAKER: Final = Level(
    "cds_ehr_breaker_open",
    "1 while a FHIR server is left alone because it gave no proper answer several times in a row; the highest of all"
    " workers. Only servers that were agreed by their address.",
    "server", mode="livemax",
)  # fmt: skip
STORE_SECONDS: Final = Times(
    "cds_store_seconds", "How long the store took for a piece of work, waiting for its turn included.", "lane"
)
STORE_ERRORS: Final = Count(
    "cds_store_errors_total",
    "Pieces of work that the store did not do: `unreachable`, `newer-schema`, `refused` (the data), or `resting` (it"
    " has just failed).",
    "lane", "reason",
)  # fmt: skip
for _lane in ("reading", "writing", "feedback", "background", "pages"):
    for _reason in ("unreachable", "newer-schema", "refused", "resting"):
        STORE_ERRORS.expect(_lane, _reason)
STORE_DOWN: Final = Level(
    "cds_store_down", "1 while the last piece of work on a lane of the store failed.", "lane", mode="livemax"
)
FEEDBACK: Final = Count(
    "cds_feedback_total",
    "Answers to cards, each item for itself: `kept`, `repeated`, `unknown-card` or `refused`; of those that are new"
    " what was done, and the reason of an override as we know it.",
    "client", "status", "outcome", "reason",
)  # fmt: skip
TRACES_LOST: Final = Count("cds_traces_lost_total", "Calls without a trace: no room, or the store was down.")
RULES: Final = Level("cds_rules_info", "1, for the version of the rules in force.", "version", mode="livemax")
MODES: Final = Level(
    "cds_rule_modes_info", "1, for the version of the site's rule modes in force.", "version", mode="livemax"
)
MODES_FAULTS: Final = Level(
    "cds_rule_modes_faults",
    "What is wrong with the file of rule modes as it is now; while it is above 0, a former version is in force.",
    mode="livemax",
)
CONTENT: Final = Level(
    "cds_content_snapshot_info", "1, for the version of the card texts in memory.", "version", mode="livemax"
)
CONTENT_CHECKED: Final = Level(
    "cds_content_checked_timestamp_seconds",
    "When content last said that the card texts in memory are those in force, in seconds since 1970; of the worker that"
    " has waited longest, 0 if it never did.",
    mode="livemin",
)

_CAME: Final = frozenset({"delivered", "none"})


def screened(client: str, service: str, topics: Iterable[str], data: Iterable[str]) -> None:
    """A call was answered with 200. `data` are the outcomes of its keys."""
    outcomes = set(data)
    prefetch = "none" if not outcomes else "complete" if outcomes <= _CAME else "gaps"
    SCREENED.add(client, service, "cards" if any(topics) else "silent", prefetch)


def prefetched(key: str, outcome: str) -> None:
    """What became of one key of the prefetch of a call."""
    if outcome not in _CAME:
        PREFETCH_GAPS.add(key, outcome)


def in_force(rules: str, modes: str) -> None:
    """The versions with which a worker begins; `modes` is empty without a file of them."""
    RULES.set(1, rules)
    switched(MODES, "", modes)
    MODES_FAULTS.set(0)


def switched(info: Level, before: str, now: str) -> None:
    """Another version is in force; empty: none."""
    if before and before != now:
        info.set(0, before)
    if now:
        info.set(1, now)
