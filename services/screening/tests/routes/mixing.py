"""Patients mixed from the written scenarios, and what of an answer a clinician would notice: for the property tests."""

from typing import Any

from hypothesis import strategies as st
from scenario_files import written

from screening.domain.screen import Screening

LISTS = ("conditions", "meds", "procs", "labs", "orders", "fhx", "draft")
WRITTEN = [case.scenario for case in written()]
ORDERS = [s for s in WRITTEN if s["hook"] != "patient-view"]
BY_HOOK = {
    "patient-view": [s for s in WRITTEN if s["hook"] == "patient-view"],
    "order-select": ORDERS,  # what is selected is signed later, so that each may stand for the other
    "order-sign": ORDERS,
}


@st.composite
def mixed(draw: st.DrawFn) -> dict[str, Any]:
    """One to three scenarios of one hook as one patient: the first one's age and sex, everybody's facts."""
    hook = draw(st.sampled_from(sorted(BY_HOOK)))
    parts = draw(st.lists(st.sampled_from(BY_HOOK[hook]), min_size=1, max_size=3))
    made = {**parts[0], "hook": hook}
    for key in LISTS:
        made[key] = [item for part in parts for item in part.get(key, ())]
    made["facts"] = {name: said for part in parts for name, said in part.get("facts", {}).items()}
    return made


def outcome(screening: Screening, *, dated: bool = True) -> list[Any]:
    """What a clinician would notice, without the places where facts stand in a scenario."""
    cards = []
    for f in screening.findings:
        # Not the number itself: the same result may be sent in another unit.
        facts = {(e.code, e.criterion, e.day if dated else None) for e in f.evidence}
        suggested = [(s.label, tuple(o.code + o.gene for o in s.orders), frozenset(s.withdraw)) for s in f.suggestions]
        words = frozenset(f.statements) if dated else len(f.statements)
        cards.append((f.module, f.state, f.indicator, f.summary, f.includes, suggested, words, facts))
    return cards


def cards(screening: Screening) -> list[Any]:
    """The cards alone: what is said first, and what is suggested."""
    return [card[:6] for card in outcome(screening)]
