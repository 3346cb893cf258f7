"""What the report says in words, in all its forms."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from screening import report, report_tables
from screening.report_tables import (
    ACCEPTED,
    AGAIN,
    ANSWERED,
    BOTH,
    NO_FEEDBACK,
    OVERRIDDEN,
    SHOWINGS,
    SHOWN,
    UNANSWERED,
    WAITING,
    WITHHELD,
)
from screening.store.report_rows import THEIRS

Json = Mapping[str, Any]
Told = int | str

PARTS: Final = {
    SHOWN: "Shown",
    ANSWERED: "Answered",
    ACCEPTED: "Accepted",
    BOTH: "Also overridden",
    OVERRIDDEN: "Overridden",
    UNANSWERED: "Not answered",
    NO_FEEDBACK: "No feedback",
    WAITING: "Waiting",
    AGAIN: "Shown again",
    SHOWINGS: "Showings",
}
"""Part -> head of its column."""
_OF: Final = {
    ANSWERED: SHOWN,
    UNANSWERED: SHOWN,
    NO_FEEDBACK: SHOWN,
    WAITING: SHOWN,
    AGAIN: SHOWN,
    ACCEPTED: ANSWERED,
    OVERRIDDEN: ANSWERED,
    BOTH: ACCEPTED,
}
"""Part -> of which it is a share."""
BREAKDOWNS: Final = {"rules": "rule", "hooks": "hook", "clients": "client", "weeks": "week"}
"""Table -> what a row is."""
_REASONS: Final = {
    "done-elsewhere": "done elsewhere",
    "cause-known": "cause known",
    "not-indicated": "not indicated",
    "patient-declined": "patient declined",
    "deferred": "will order later",
    "on-treatment": "on treatment",
    "specialist-managing": "specialist is managing",
    "wrong-data": "data wrong",
    "benefit-outweighs": "benefit outweighs risk",
    "lab-unavailable": "test not available",
    THEIRS: "reason of another system",
    report_tables.NO_REASON: "no reason given",
    report_tables.SEVERAL: "rarer reasons",
}
_LOOK_AT: Final = {
    "done-elsewhere": "results from elsewhere do not reach us: look at the prefetch doctor, local codes and look-backs",
    "cause-known": "causes that are known are not coded as the rules read them: look at the problem lists",
    "not-indicated": "users see patients whom the rule does not mean: look at the codes that make them eligible",
    "patient-declined": "patients do not want the test: look at how it is explained, and at the page for patients",
    "deferred": "the card comes at the wrong moment: look at which hook shows it",
    "on-treatment": "treatment does not reach us: look at the medication keys in the prefetch doctor",
    "specialist-managing": "a specialist has taken over: look at whom the card is shown to",
    "wrong-data": "users find the data wrong: look at local codes, units and problem lists",
    "benefit-outweighs": "users know the risk and go on: look at whether the card says more than they know",
    "lab-unavailable": "the test cannot be ordered here: map the order codes, or silence the rule",
    THEIRS: "the site's reasons are not mapped to ours: see overrideReasons in the clients file",
    report_tables.NO_REASON: "no reason is given: ask users, and look at whether the EHR offers our reasons",
    report_tables.SEVERAL: "no single reason stands out: ask users",
}

HOW_TO_READ: Final = (
    "A card counts once, in the week in which it was first shown (UTC), however often the EHR asked for it. No feedback"
    " is no override: most EHRs send nothing when a card is left alone. Acceptance is a share of the answered cards."
    " Accepted and later overridden counts as accepted; of several overrides the latest gives the reason."
)
DIFFERENCES: Final = (
    "Whoever gets reports on periods that overlap can subtract them from each other. Hand on one of them only. A report"
    " on one client or module may stand beside the whole one of the same period."
)
NOTHING_HELD: Final = "No rule was silent, and none was kept from a part of the patients."


def held(count: Told) -> str:
    """How many cards were held back."""
    if count == WITHHELD:
        return "How many cards silent and canary rules would have shown is not told: it would give small counts away."
    return f"Silent and canary rules would have shown {count} cards more."


def reason(code: str) -> str:
    """An override reason in a few words."""
    return _REASONS.get(code, code)


def head(part: str) -> str:
    """The head of a column."""
    prefix, colon, code = part.partition(":")
    return reason(code).capitalize() if colon else PARTS[prefix]


def cell(counts: Mapping[str, Told], part: str) -> str:
    """A count, with its share where both numbers are told."""
    count = counts[part]
    whole = counts.get(OVERRIDDEN if ":" in part else _OF.get(part, ""))
    if isinstance(count, int) and isinstance(whole, int) and whole:
        return f"{count} ({percent(count, whole)})"
    return f"{count}"


def percent(part: int, whole: int) -> str:
    """A share in words, such as `7 %`; below 1 % `<1 %`, unless it is nothing."""
    share = 100 * part / whole
    return "<1\u00a0%" if 0 < share < 1 else ">99\u00a0%" if 99 < share < 100 else f"{share:.0f}\u00a0%"


def period(told: Json) -> str:
    """Which cards the report is about."""
    whose = f"client {told['client']}" if told["client"] else "all clients"
    what = f"module {told['module']}" if told["module"] else "all modules"
    return f"Cards first shown from {told['from']} to {told['to']}, whole weeks, {whose}, {what}."


def terms(told: Json) -> str:
    """How the report judges and what it keeps back."""
    of = told["terms"]
    waits = f"{of['waitDays']:g} days"
    kept = (
        f" Counts from 1 to {of['small'] - 1} are not told (<{of['small']}), nor what would give them away"
        f" ({WITHHELD})."
        if of["small"] > 1
        else " Small counts are told, too."
    )
    return f"Waiting: shown less than {waits} ago and not answered yet. No feedback: longer than that.{kept}"


def flags(told: Json) -> list[str]:
    """What to look at, a sentence or two for each rule that is flagged."""
    rows = [row for row in _rules(told) if row["judged"] == report.FLAGGED]
    return [_flag(row["name"], row["counts"], told["terms"]) for row in rows]


def _rules(told: Json) -> list[Json]:
    rules: list[Json] = told["tables"].get("rules", {"rows": []})["rows"]
    return rules


def unjudged(told: Json) -> str:
    """Which rules may be at fault and cannot be judged without small counts; empty: none."""
    rows = [row["name"] for row in _rules(told) if row["judged"] == report.UNKNOWN]
    return f"Small counts keep from saying whether these are accepted: {', '.join(rows)}." if rows else ""


def no_flags(told: Json) -> str:
    """What stands there when nothing is flagged."""
    of = told["terms"]
    return (
        f"No rule with {of['minimum']} answered cards or more is known to be accepted in less than"
        f" {of['acceptance']:g} %."
    )


def _flag(name: str, counts: Mapping[str, Told], of: Json) -> str:
    accepted, answered = counts.get(ACCEPTED), counts[ANSWERED]
    rate = f"{accepted} of {answered}" if isinstance(accepted, int) else f"fewer than {of['small']} of {answered}"
    said = [f"{name}: accepted {rate} answered cards, under {of['acceptance']:g} %."]
    reasons = {
        part.partition(":")[2]: count for part, count in counts.items() if ":" in part and isinstance(count, int)
    }
    most = max(reasons, key=lambda code: reasons[code], default="")
    if most and reasons[most]:
        said.append(f"Most often: {reason(most)} ({reasons[most]}); {_LOOK_AT.get(most, 'ask users')}.")
    else:
        said.append("Ask users why, and look at the reasons in the trace of some calls.")
    return " ".join(said)


ADVICE: Final = (
    "A low acceptance is a reason to look, not to switch off: a rule can be run silently for a client first"
    " (docs/rule-modes.md), and a card may be right though nobody follows it."
)


def part_of_whole(told: Json) -> str:
    """Why there are fewer tables than in a report on everything; empty: there are not."""
    if not told["client"] and not told["module"]:
        return ""
    if not told["all"]:
        return "Too few cards to tell them apart from those of others."
    return "A report on a part tells what does not give small counts away beside the report on everything."


def too_few(told: Json) -> str:
    """What stands in place of a table that cannot be told."""
    return f"Too few cards to divide them without telling counts below {told['terms']['small']}."


def row_name(row: Json, table: Json) -> str:
    """The name of a row."""
    others = table["others"].get(row["name"])
    return f"{len(others)} others, each with few cards" if others else str(row["name"])


def split(columns: Sequence[str]) -> tuple[list[str], list[str]]:
    """The columns of a table without its reasons, and its reasons."""
    return [one for one in columns if ":" not in one], [one for one in columns if ":" in one]


def others(table: Json) -> str:
    """Which rows are told together; empty: none."""
    together = "; ".join(", ".join(rows) for rows in table["others"].values())
    return f"Others: {together}." if together else ""


def rare(table: Json) -> str:
    """Which reasons are told together; empty: none."""
    codes: Iterable[str] = table["reasons"].get(report_tables.SEVERAL, ())
    return f"Rarer reasons: {', '.join(reason(code) for code in codes)}." if codes else ""
