"""What a draft order says in words: everything that it and its product say, wherever that stands."""

from typing import Any

import edge_samples as s
import pytest

PLAIN = {
    "resourceType": "MedicationRequest",
    "id": "d1",
    "status": "draft",
    "subject": {"reference": f"Patient/{s.PATIENT_ID}"},
}
BY_CODE = s.concept(s.RXNORM, "42662")
EDETATE = {"text": "edetate disodium"}
CALCIUM = {"text": "calcium disodium edetate"}


def words(*resources: Any) -> list[set[str]]:
    chart, _ = s.read(s.prefetch(), resources, None)
    return [set(draft.texts) - {""} for draft in chart.drafts]


def modules(*resources: Any) -> list[str]:
    answer = s.application().test_client().post(s.ORDER_SELECT, json=s.order_call(*resources))
    assert answer.status_code == 200, answer.data
    return s.modules(answer.get_json()["cards"])


def product(identifier: str = "m1", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Medication", "id": identifier, **more}


def ingredient(concept: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"itemCodeableConcept": concept, **more}


def test_text_and_every_display() -> None:
    coding = [{"system": s.RXNORM, "code": "1", "display": "one"}, {"display": "two"}, {}]
    assert words({**PLAIN, "medicationCodeableConcept": {"text": "zero", "coding": coding}}) == [{"zero", "one", "two"}]
    assert words(s.draft(code={"text": "panel", "coding": [{"display": "exome"}]})) == [{"panel", "exome"}]


def test_the_product_that_is_referred_to() -> None:
    form = {"coding": [{"display": "Ophthalmic Solution"}]}
    made = product(code={"text": "a name"}, form=form, ingredient=[ingredient({"text": "part"})])
    order = {**PLAIN, "medicationReference": {"reference": "#m1", "display": "called so"}, "contained": [made]}
    assert words(order) == [{"a name", "called so", "Ophthalmic Solution", "part"}]


@pytest.mark.parametrize("display", [5, None, [], {}, ""])
def test_a_bent_display_does_not_cost_the_product(display: Any) -> None:
    order = {
        **PLAIN,
        "medicationReference": {"reference": "#m1", "display": display},
        "contained": [product(code={"text": "a name"})],
    }
    assert words(order) == [{"a name"}]


@pytest.mark.parametrize(
    ("order", "fires"),
    [
        ({"medicationCodeableConcept": EDETATE}, True),
        ({"medicationCodeableConcept": {"coding": [{"display": "Edetate"}]}}, True),
        ({"medicationCodeableConcept": CALCIUM}, False),
        ({"medicationReference": {"display": "edetate"}}, True),
        ({"medicationReference": {"reference": "#m1"}, "contained": [product(code=EDETATE)]}, True),
        ({"medicationReference": {"reference": "#m1"}, "contained": [product(code=CALCIUM)]}, False),
        ({"medicationReference": {"reference": "#m1"}, "contained": [product(ingredient=[ingredient(EDETATE)])]}, True),
        (
            {
                "medicationReference": {"reference": "#m1"},
                "contained": [
                    product(code={"text": "an antibiotic"}, ingredient=[ingredient(EDETATE, isActive=False)])
                ],
            },
            False,
        ),
        (
            {
                "medicationReference": {"reference": "#m1"},
                "contained": [product(code=EDETATE, form={"text": "Ophthalmic Solution"})],
            },
            False,
        ),
        (
            {
                "medicationCodeableConcept": s.concept(s.RXNORM, "42662"),
                "medicationReference": {"reference": "#m1"},
                "contained": [product(ingredient=[ingredient(s.concept(s.RXNORM, "1903"))])],
            },
            False,
        ),
        ({"medicationReference": {"reference": "#m1"}, "contained": [product(code=BY_CODE)]}, True),
        ({"medicationCodeableConcept": EDETATE, "doNotPerform": True}, False),
        ({"medicationCodeableConcept": EDETATE, "status": "cancelled"}, False),
    ],
)  # fmt: skip
def test_edetate_wherever_it_stands(order: dict[str, Any], fires: bool) -> None:
    assert ("ORD_EDTA" in modules({**PLAIN, **order})) == fires


def test_a_product_of_the_prefetch_or_of_the_drafts() -> None:
    order = {**PLAIN, "medicationReference": {"reference": "Medication/m1"}}
    assert modules(order, product(code=EDETATE)) == ["ORD_EDTA"]
    assert modules(product(code=EDETATE), order) == ["ORD_EDTA"]
