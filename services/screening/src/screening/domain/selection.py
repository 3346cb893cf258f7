"""Which findings are shown when a chart is opened: one card for one finding, and at most three.

Clinical rules 0.1 and section 6: 10 and 30.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from screening.domain.chart import Chart
from screening.domain.findings import (
    CRITICAL,
    INFO,
    SCREEN,
    SEVERITY,
    Assessment,
    Finding,
    Held,
    Hold,
    held,
    suggest,
    without,
)

PATIENT_VIEW_CARDS: Final = 3
TAKEN_IN: Final = Hold("taken-in", "another card shown says the same and covers it")
CAPPED: Final = Hold("cap", f"at most {PATIENT_VIEW_CARDS} cards are shown; its summary stands on one of them")


def selected(
    chart: Chart, findings: Sequence[Finding], assessments: Mapping[str, Assessment]
) -> tuple[tuple[Finding, ...], tuple[Held, ...]]:
    """The cards to show, and what is not shown for their sake.

    A card yields to another one that says the same only if that one is really shown.
    """
    hosts = {f.module: assessments[f.module].yields_to for f in findings if f.module in assessments}
    due = {f.module for f in findings}
    yielding = {guest: host for guest, host in hosts.items() if host in due}
    shown = _capped(_taken_in(chart, findings, assessments, yielding))
    if not {f.module for f in shown}.issuperset(yielding.values()):
        yielding, shown = {}, _capped(findings)
    kept = {f.module for f in shown}
    rest = (f for f in findings if f.module not in kept)
    return shown, tuple(held(f, TAKEN_IN if f.module in yielding else CAPPED) for f in rest)


def _taken_in(
    chart: Chart, findings: Sequence[Finding], assessments: Mapping[str, Assessment], yielding: Mapping[str, str]
) -> list[Finding]:
    """Without the cards that yield; the one that they yield to takes over what they add."""
    kept: list[Finding] = []
    for finding in findings:
        guests = [f for f in findings if yielding.get(f.module) == finding.module]
        if guests:
            kept.append(_with_guests(chart, finding, guests, assessments[finding.module]))
        elif finding.module not in yielding:
            kept.append(finding)
    return kept


def _with_guests(chart: Chart, finding: Finding, guests: Sequence[Finding], assessment: Assessment) -> Finding:
    """A card that speaks for others as well; what is critical in them is said and suggested as they would."""
    urgent = [guest for guest in guests if guest.indicator == CRITICAL]
    more = [s for guest in urgent for s in guest.suggestions]
    statements = [f"Also: {guest.summary}" for guest in urgent]
    if assessment.takes_in is not None:
        statements.append(assessment.takes_in.statement)
        if not urgent:
            more.extend(suggest(chart, "Order", *assessment.takes_in.tests))
    own = (left for s in finding.suggestions if (left := without(s, more)) is not None)
    evidence = dict.fromkeys((*finding.evidence, *(e for guest in guests for e in guest.evidence)))
    return replace(
        finding,
        statements=(*statements, *finding.statements),
        evidence=tuple(evidence),
        own=finding.cited,
        suggestions=(*more, *own) if urgent else (*own, *more),
    )


def _capped(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """At most three: critical, warning, info; what is dropped is appended to SCREEN, else to the last card kept.

    Of the info cards SCREEN is dropped last; among warnings a result outranks it.
    """
    order = {id(f): i for i, f in enumerate(findings)}

    def keep(f: Finding) -> tuple[int, bool, int]:
        return SEVERITY[f.indicator], (f.module == SCREEN) != (f.indicator == INFO), order[id(f)]

    ranked = sorted(findings, key=keep)
    kept, dropped = ranked[:PATIENT_VIEW_CARDS], ranked[PATIENT_VIEW_CARDS:]
    kept.sort(key=lambda f: (SEVERITY[f.indicator], f.module == SCREEN, order[id(f)]))
    if dropped:
        at = next((i for i, f in enumerate(kept) if f.module == SCREEN), len(kept) - 1)
        kept[at] = replace(
            kept[at],
            statements=(*kept[at].statements, *(f"Also: {f.summary}" for f in dropped)),
            evidence=tuple(dict.fromkeys((*kept[at].evidence, *(e for f in dropped for e in f.evidence)))),
            own=kept[at].cited,
        )
    return tuple(kept)
