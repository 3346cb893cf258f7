"""Order rules on edetate and on metal chelators. Clinical rules 1.7, 1.0.8 and section 6: 6."""

import re
from typing import Final

from screening.domain.chart import Draft, says
from screening.domain.citations import MMWR_EDETATE, RULES
from screening.domain.description import Case, Description
from screening.domain.evidence import of_draft
from screening.domain.findings import CRITICAL, WARNING, Finding, refer
from screening.domain.orders.rule import PROBLEMS, Decision, Nothing, OrderRule, Situation, medicine_in

_EDETATE: Final = re.compile(r"\b(edetate|edetic acid)\b", re.IGNORECASE)
_DISODIUM: Final = re.compile(r"\bedetate[\s,-]+disodium\b|\bdisodium[\s,-]+edetate\b", re.IGNORECASE)
_CALCIUM: Final = re.compile("calcium", re.IGNORECASE)
_OTHER_SALT: Final = re.compile(r"calcium|cobalt|chromium|51\s*-?\s*Cr\b|\bCr\s*-?\s*51|ferric|\biron\b", re.IGNORECASE)
_NOT_INTO_THE_BLOOD: Final = re.compile(
    r"ophthalm|\beyes?\b|\bocular\b|topical|cutaneous|\bdermal\b|\b(cream|ointment|lotion|gel|shampoo)\b", re.IGNORECASE
)


def dangerous(draft: Draft) -> bool:
    """Whether an order may mean edetate disodium: its salt is not said, or it is named (section 6, 6).

    The request is read as it was sent, product and ingredients included: a word for calcium anywhere on it settles that
    it is the calcium salt; so does a code, unless the words say disodium: that contradiction is the very confusion.
    """
    if not draft.medication or says(_CALCIUM, draft.texts) or says(_NOT_INTO_THE_BLOOD, draft.texts):
        return False
    if says(_DISODIUM, draft.texts):
        return True
    if "RX_EDTA_CALCIUM" in draft.sets:
        return False
    if "RX_EDTA_DANGER" in draft.sets:
        return True
    return says(_EDETATE, draft.texts) and not says(_OTHER_SALT, draft.texts)


def _edetate(situation: Situation, drafts: tuple[Draft, ...]) -> Decision:
    """Edetate disodium, or edetate without its salt, in any patient."""
    del situation
    named = any(says(_DISODIUM, draft.texts) for draft in drafts)
    if named:
        summary = (
            "Edetate DISODIUM ordered: it has caused fatal hypocalcemia. For metal chelation only calcium disodium"
            " edetate is used."
        )
    else:
        summary = (
            "Edetate salt not stated: edetate DISODIUM has caused fatal hypocalcemia. Confirm calcium disodium edetate"
            " before signing."
        )
    return Finding(
        "ORD_EDTA", "", CRITICAL, summary,
        statements=(f"The two salts have been confused before ({MMWR_EDETATE}).",),
        evidence=tuple(of_draft(draft, "edetate that is not said to be the calcium salt", MMWR_EDETATE) for draft in drafts),
        override_reasons=("wrong-data", "specialist-managing"),
        explanation="safety",
    )  # fmt: skip


def _chelator(situation: Situation, drafts: tuple[Draft, ...]) -> Decision:
    """A metal chelator although no disorder of a metal is recorded. A mere suspicion is not a record."""
    del drafts
    chart = situation.chart
    recorded = any(next(chart.known_diagnoses(name), None) for name in ("CU_DX", "MN_DX", "FE_DX", "FE_OVERLOAD"))
    if not situation.phenotype.present:
        return Nothing("no movement disorder is recorded")
    if recorded:
        return Nothing("a disorder of copper, manganese or iron that chelation may treat is recorded")
    return Finding(
        "ORD_CHELATOR", "", WARNING,
        "Metal chelator ordered without a recorded metal-overload diagnosis: confirm with a specialist before starting.",
        statements=("Chelation is for specialists: neurological worsening after its start has been reported.",),
        suggestions=refer(chart),
        override_reasons=("specialist-managing",),
        explanation="safety",
    )  # fmt: skip


EDETATE: Final = OrderRule(
    "ORD_EDTA",
    dangerous,
    _edetate,
    needs_phenotype=False,
    reads=frozenset({"patient"}),
    described=Description(
        title="Edetate that is not the calcium salt",
        purpose="Stops the confusion of edetate disodium with calcium disodium edetate, which has killed patients.",
        trigger=(
            "A medication order, in any patient, that codes edetate or edetic acid, or names it in words; never one"
            " that says calcium anywhere, another metal complex, or an ophthalmic or topical product."
        ),
        cases=(
            Case(CRITICAL, "the order names edetate disodium", "critical, without a suggestion"),
            Case(CRITICAL, "the order does not say which salt", "critical: confirm the calcium salt; no suggestion"),
        ),
        sources=(MMWR_EDETATE,),
    ),
)
CHELATOR: Final = OrderRule(
    "ORD_CHELATOR",
    medicine_in("RX_CHELATOR"),
    _chelator,
    only_with_disorder=True,
    reads=PROBLEMS | {"orders"},
    described=Description(
        title="Metal chelator without a recorded metal disorder",
        purpose="Asks for a specialist before a chelator is started on a suspicion.",
        trigger=(
            "An order for penicillamine, trientine, calcium disodium edetate, an iron chelator, succimer or dimercaprol."
        ),
        cases=(
            Case(
                WARNING,
                "a movement disorder, and neither Wilson disease nor a manganese, brain iron or iron-overload disorder"
                " is recorded as confirmed",
                "warning; suggests a referral",
            ),
        ),
        sources=(RULES,),
    ),
)
