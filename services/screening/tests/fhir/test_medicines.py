"""Medicines: by their own code, by reference, by their ingredients; and what is not to be given."""

from typing import Any

import edge_samples as s
import pytest

B12, FOLATE, MANGANESE = "11248", "4511", "6623"


def product(*ingredients: Any, **changes: Any) -> Any:
    sample = {
        "resourceType": "Medication",
        "id": "product-1",
        "code": s.concept(s.RXNORM, B12),
        "ingredient": [{"itemCodeableConcept": s.concept(s.RXNORM, one)} for one in ingredients] or s.DROP,
    }
    return s.changed(sample, changes)


def refers_to(reference: Any, **changes: Any) -> Any:
    told = {"reference": reference} if isinstance(reference, str) else reference
    return s.medication_request(medicationCodeableConcept=s.DROP, medicationReference=told, **changes)


def treated(*resources: Any, fullUrl: str | None = None) -> bool:  # noqa: N803 - wire spelling
    told = s.bundle(*resources)
    if fullUrl is not None:
        for entry in told["entry"]:
            if entry["resource"]["resourceType"] == "Medication":
                entry["fullUrl"] = fullUrl
    return bool(s.read({"medications": told})[0].treatments("B12_RX"))


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("Medication/product-1", None),
        ("Medication/product-1/_history/2", None),
        (f"{s.SERVER}/Medication/product-1", None),
        (f"{s.SERVER}/Medication/product-1/_history/2", None),
        (f"{s.SERVER}/Medication/product-1", f"{s.SERVER}/Medication/product-1"),
        ("urn:uuid:0a8c1bd2-5e0b-4f0e-9f0a-000000000001", "urn:uuid:0a8c1bd2-5e0b-4f0e-9f0a-000000000001"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_medicine_by_reference_into_the_bundle(reference: str, url: str | None, first: bool) -> None:
    resources = [product(), refers_to(reference)]
    assert treated(*(resources if first else resources[::-1]), fullUrl=url)


def test_the_product_may_stand_under_another_key() -> None:
    chart, _ = s.read({"medications": s.bundle(refers_to("Medication/product-1")), "x": s.bundle(product())})
    assert chart.treatments("B12_RX")


@pytest.mark.parametrize(
    ("reference", "contained", "found"),
    [
        ("#product-1", [product()], True),
        ("#product-1", product(), True),
        ("#product-1", [{"resourceType": "Practitioner", "id": "product-1"}, 5, product()], True),
        ("#product-2", [product()], False),
        ("#product-1", "bent", False),
        ("#product-1", s.DROP, False),
        ("#", [product()], False),
        ("Medication/product-1", [product()], False),
    ],
)
def test_a_contained_product(reference: str, contained: Any, found: bool) -> None:
    assert treated(refers_to(reference, contained=contained)) is found


@pytest.mark.parametrize(
    "reference", ["Medication/other", "Substance/product-1", "product-1", "", None, 5, [], {"display": "B12"},
    {"reference": 5}]
)  # fmt: skip
def test_a_reference_to_nothing_is_no_medicine(reference: Any) -> None:
    assert not treated(product(), refers_to(reference))


def test_the_displayed_name_is_the_products_where_the_order_has_none() -> None:
    told = product(code={**s.concept(s.RXNORM, B12), "text": "Example product"})
    (found,) = s.chart(told, refers_to("Medication/product-1")).medications
    assert found.name == "Example product"


@pytest.mark.parametrize(
    ("resource", "single"),
    [
        (product(), True),
        (product(B12), True),
        (product(B12, FOLATE), False),
        (product(B12, "161"), False),
        (product(B12, code=s.DROP), True),
        (product(B12, FOLATE, code=s.DROP), False),
        (product(ingredient=[
            {"itemCodeableConcept": s.concept(s.RXNORM, B12)},
            {"itemCodeableConcept": s.concept(s.RXNORM, "161"), "isActive": False},
        ]), True),
        (product(ingredient=[
            {"itemCodeableConcept": s.concept(s.RXNORM, B12)}, {"itemReference": {"reference": "Substance/x"}},
        ]), False),
        (product(ingredient={"itemCodeableConcept": s.concept(s.RXNORM, B12)}), True),
        (product(code=s.concept(s.RXNORM, "199240")), False),  # a product with folic acid
        (
            product(ingredient=[
                {"itemCodeableConcept": s.concept(s.RXNORM, B12)}, {"itemCodeableConcept": "folic acid"},
            ]), False,
        ),
        (
            product(ingredient=[{"itemCodeableConcept": s.concept(s.RXNORM, B12)}, "folic acid"]), False,
        ),
    ],
)  # fmt: skip
def test_several_ingredients_are_no_replacement(resource: Any, single: bool) -> None:
    assert treated(resource, refers_to("Medication/product-1")) is single


def test_a_combination_stays_one_beside_another_coding_of_the_same_order() -> None:
    codings = [{"system": s.RXNORM, "code": code} for code in (B12, "199240")]
    assert not treated(s.medication_request(medicationCodeableConcept={"coding": codings}))
    assert not treated(s.medication_request(medicationCodeableConcept={"coding": codings[::-1]}))


def test_a_trace_element_mixture_holds_manganese_all_the_same() -> None:
    mixture = product(MANGANESE, "29046", code=s.DROP)
    chart = s.chart(mixture, refers_to("Medication/product-1"))
    assert chart.treatments("MN_RX")


@pytest.mark.parametrize("kind", ["MedicationRequest", "MedicationStatement", "MedicationAdministration"])
def test_what_is_not_to_be_given_is_not_given(kind: str) -> None:
    told = s.medication_request(resourceType=kind, doNotPerform=True, status="active")
    assert not s.chart(told).medications
    assert s.chart({**told, "doNotPerform": False}).medications


def test_what_is_not_to_be_done_is_neither_ordered_nor_drafted() -> None:
    assert not s.chart(s.service_request(doNotPerform=True)).orders
    drafts = (s.draft(doNotPerform=True), s.medication_request(id="d2", status="draft", doNotPerform=True))
    assert not s.read(s.prefetch(), drafts)[0].drafts


def test_a_medicine_without_a_known_code_is_none() -> None:
    for code in ({"text": "cyanocobalamin"}, s.concept("urn:example:local", B12), s.concept(s.RXNORM, "1"), "x", None):
        assert not s.chart(s.medication_request(medicationCodeableConcept=code)).medications


def test_a_list_whose_products_were_not_sent_is_not_the_whole_list() -> None:
    nowhere = refers_to({"reference": "Medication/elsewhere", "display": "cyanocobalamin"})
    chart, deliveries = s.read(s.prefetch(medications=s.bundle(nowhere)))
    assert deliveries["medications"].outcome == "partial"
    assert not chart.looked_up("medications")
    both = s.bundle(refers_to("Medication/product-1"), product(), total=1)
    whole, _ = s.read(s.prefetch(medications=both))
    assert whole.looked_up("medications")
    apart, _ = s.read(s.prefetch(medications=s.bundle(refers_to("Medication/product-1")), products=s.bundle(product())))
    assert apart.looked_up("medications"), "the product may stand under any key"
    coded, _ = s.read(s.prefetch(medications=s.bundle(s.medication_request(medicationReference={"reference": "x/y"}))))
    assert coded.looked_up("medications"), "it says itself which medicine it is"
