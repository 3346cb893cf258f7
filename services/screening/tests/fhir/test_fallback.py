"""What the EHR is asked for, in which order, and what comes of its answers; by HTTP on loopback."""

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import edge_samples as s
import pytest
import stub_ehr
from msgspec import Raw
from stub_ehr import Asked, Reply, Stub, searchset

from screening.app import reader
from screening.domain.orders.registry import ORDER_RULES, SIGNING_RULES
from screening.domain.screen import order_hook, patient_view
from screening.fhir import fallback, outcomes
from screening.fhir.access import Access, Server
from screening.fhir.fallback import Fallback, Gathered, Looked, Need
from screening.fhir.reading import Call
from screening.knowledge import loading
from screening.services import prefetch_names, prefetch_templates

BOOK = loading.code_book()
BASE = "https://dystonia-cds.example/fhir"
READER = reader(BOOK, BASE)
TEMPLATES = prefetch_templates(BOOK, BASE)
NAMES = prefetch_names()
LISTS = [key for key in TEMPLATES if key not in ("patient", "conditions") and not key.startswith("labs_")]
EVERYTHING = s.prefetch(s.observation())
HEALTHY = {**EVERYTHING, "conditions": s.bundle()}


def key_of(asked: Asked) -> str:
    """The key whose template a request stands for: by type, and by what else tells two of them apart."""
    kind = asked.path.removesuffix("/_search")
    code, status = asked.param("code"), asked.param("status")
    for key, template in TEMPLATES.items():
        path, _, search = template.partition("?")
        told = dict(part.split("=", 1) for part in search.split("&")) if search else {}
        same = (told.get("code", ""), told.get("status", "")) == (code, status)
        if same and path.replace("{{context.patientId}}", s.PATIENT_ID) == kind:
            return key
    raise AssertionError(asked)


def serving(values: Mapping[str, Any], faults: Mapping[str, Reply] | None = None) -> Callable[[Asked], Reply]:
    """An EHR that holds what a prefetch of these values would bring, with some keys at fault."""

    def answer(asked: Asked) -> Reply:
        key = key_of(asked)
        if faults and key in faults:
            return faults[key]
        return Reply(404, body={}) if values[key] is None else Reply(body=values[key])

    return answer


@pytest.fixture
def stub() -> Iterator[Stub]:
    with stub_ehr.running(serving(EVERYTHING)) as made:
        yield made


def gather(
    stub: Stub, sent: Mapping[str, Any], need: Need = fallback.for_patient_view, *, drafts: tuple[Any, ...] = (),
    server: Server | str | None = None, seconds: float = 3.0, patient_id: str = s.PATIENT_ID,
) -> Gathered:  # fmt: skip
    access = Access(slots_per_host=4, max_pages=10)
    call = Call(patient_id, s.raw(sent), tuple(Raw(json.dumps(one).encode()) for one in drafts))
    asked = Server(stub.base, "token") if server is None else server
    try:
        return Fallback(READER, access, TEMPLATES).gather(call, need, asked, s.NOW, time.monotonic() + seconds)
    finally:
        access.close()


def asked_keys(stub: Stub) -> list[str]:
    return [key_of(one) for one in stub.asked]


# --- what is asked for ---


def test_what_was_delivered_is_not_asked_for(stub: Stub) -> None:
    assert not gather(stub, EVERYTHING).fetched
    assert not stub.asked


def test_patient_and_conditions_come_first_then_all_the_rest(stub: Stub) -> None:
    found = gather(stub, {})
    assert set(asked_keys(stub)[:2]) == {"patient", "conditions"}
    assert sorted(asked_keys(stub)) == sorted(TEMPLATES)
    assert found.chart.not_looked_up == frozenset()
    assert found.fetched == len(TEMPLATES)
    assert patient_view(found.chart) == patient_view(gather(stub, EVERYTHING).chart)


@pytest.mark.parametrize("key", sorted(TEMPLATES))
def test_only_the_missing_key_is_asked_for(stub: Stub, key: str) -> None:
    gather(stub, {one: value for one, value in EVERYTHING.items() if one != key})
    assert asked_keys(stub) == [key]


@pytest.mark.parametrize(
    "sent",
    [
        HEALTHY,
        {"conditions": s.bundle(), "patient": s.patient()},
        {"patient": s.patient(deceasedBoolean=True)},
        {**EVERYTHING, "labs_vitamin_b12": s.DROP, "patient": s.patient(deceasedBoolean=True)},
    ],
)
def test_nothing_is_asked_of_the_dead_and_of_those_without_a_movement_disorder(
    stub: Stub, sent: Mapping[str, Any]
) -> None:
    gather(stub, {key: value for key, value in sent.items() if value is not s.DROP})
    assert not stub.asked


def test_without_a_movement_disorder_two_questions_are_enough(stub: Stub) -> None:
    stub.answers = serving(HEALTHY)
    assert gather(stub, {}).fetched == 2
    assert sorted(asked_keys(stub)) == ["conditions", "patient"]


@pytest.mark.parametrize("key", ["patient", "conditions"])
def test_when_the_first_questions_fail_no_more_are_asked(stub: Stub, key: str) -> None:
    stub.answers = serving(EVERYTHING, {key: Reply(403, body={})})
    found = gather(stub, {})
    assert sorted(set(asked_keys(stub))) == ["conditions", "patient"]
    assert found.said(key) == (outcomes.ABSENT, outcomes.FORBIDDEN)


B12_TEST = s.draft("2132-9")
NITROUS_OXIDE = s.medication_request("7486", id="draft-2", status="draft")


def keys_of(*data: str) -> list[str]:
    """The keys under which these data come, in order."""
    return sorted(key for key, name in NAMES.items() if name in data)


DISORDER, HEALTH = s.bundle(s.condition()), s.bundle()
RISKS = {"patient", "conditions", "medications", "medication_statements", "procedures", "orders", "site_facts"}
B12_RISKS = {*RISKS, "past_medications", "vitamin-b12"}
MANGANESE_RISKS = {*RISKS, "manganese"}


@pytest.mark.parametrize(
    ("rules", "draft", "conditions", "asked"),
    [
        (ORDER_RULES, s.draft("718-7"), DISORDER, []),
        (SIGNING_RULES, s.draft("2064-4"), DISORDER, []),
        (ORDER_RULES, B12_TEST, HEALTH, ["conditions", "patient"]),
        (ORDER_RULES, B12_TEST, DISORDER, B12_RISKS),
        # serum manganese, whoever the patient is: what tells of a need for it, but no other results
        (ORDER_RULES, s.draft("5683-8"), HEALTH, MANGANESE_RISKS),
        (ORDER_RULES, s.draft("1823-4"), HEALTH, ["patient", "conditions", "orders", "vitamin-e"]),
    ],
)
def test_order_hooks_ask_for_what_the_rules_read_that_are_about_a_selected_draft(
    stub: Stub, rules: Any, draft: Any, conditions: Any, asked: Collection[str]
) -> None:
    stub.answers = serving({**EVERYTHING, "conditions": conditions})
    gather(stub, {}, fallback.for_orders(rules), drafts=(draft,))
    assert sorted(asked_keys(stub)) == keys_of(*asked)


def test_rules_that_are_said_to_need_a_movement_disorder_do() -> None:
    needing = {rule.name for rule in ORDER_RULES if rule.only_with_disorder}
    assert needing
    for resource in ("2132-9", "2064-4", "5683-8", "718-7"):
        chart, _ = s.read({**EVERYTHING, "conditions": s.bundle()}, (s.draft(resource),))
        assert not {f.module for f in order_hook(chart).findings} & needing


# --- how it is asked ---


def test_queries_are_those_of_the_templates_with_a_day_of_margin(stub: Stub) -> None:
    gather(stub, {})
    by_key = {key_of(one): one for one in stub.asked}
    assert by_key["patient"].path == f"Patient/{s.PATIENT_ID}"
    for key, one in by_key.items():
        if key == "patient":
            continue
        template = dict(part.split("=", 1) for part in TEMPLATES[key].partition("?")[2].split("&"))
        assert dict(one.params).keys() == template.keys()
        assert one.param("patient") == s.PATIENT_ID
        assert "{{" not in one.target
    assert by_key["labs_vitamin_b12"].param("date") == "ge2024-11-21"  # 730 days and one before 2026-11-22


@pytest.mark.parametrize("patient_id", ["a,b", "a|b", "..", ".", "a&b=c", "a b", "a%2fb", "é", "x" * 256])
def test_an_id_that_means_something_in_a_query_is_not_asked_about(stub: Stub, patient_id: str) -> None:
    found = gather(stub, {}, patient_id=patient_id)
    assert not stub.asked
    assert found.said("patient") == (outcomes.ABSENT, outcomes.ID_UNUSABLE)


@pytest.mark.parametrize("why", [outcomes.NO_SERVER, outcomes.NOT_LISTED, outcomes.TOKEN_UNUSABLE])
def test_without_a_server_the_reason_is_kept(stub: Stub, why: str) -> None:
    found = gather(stub, {}, server=why)
    assert found.said("conditions") == (outcomes.ABSENT, why)
    assert found.fetched == 0


# --- what comes of it ---

ERROR = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
STRANGER = {"subject": {"reference": "Patient/other"}, "patient": {"reference": "Patient/other"}}
FAULTS = {
    "401": Reply(401, body={}),
    "403": Reply(403, body={}),
    "404": Reply(404, body={}),
    "410": Reply(410, body={}),
    "429": Reply(429, body={}, headers={"Retry-After": "1"}),
    "500": Reply(500, body=b"<html>"),
    "outcome": Reply(body=ERROR),
    "outcome-inside": Reply(body=searchset(ERROR)),
    "html": Reply(body=b"<html>", headers={"Content-Type": "text/html"}),
    "truncated": Reply(body=b'{"resourceType": "Bundle", "entry": [{"reso'),
    "hanging": Reply(body=searchset(), wait=30),
    "redirect": Reply(302, body={}, headers={"Location": "/fhir"}),
    "closed": Reply(raw=b""),
    "next-elsewhere": Reply(body=searchset(next_url="https://other.example/fhir?page=2")),
    "looping": Reply(body=searchset(next_url="?page=1")),
    "more-than-delivered": Reply(body=searchset(total=3)),
    "other-type": Reply(body=searchset(s.procedure(), s.condition("R25.1"), s.patient(), {"resourceType": "Basic"})),
    "strangers": Reply(body=searchset(s.observation(**STRANGER), s.observation(id="o2", **STRANGER))),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    "key", [pytest.param(key, marks=[pytest.mark.wide] if n % 3 else []) for n, key in enumerate(sorted(TEMPLATES))]
)
def test_no_card_claims_absence_of_what_was_not_seen(stub: Stub, key: str, fault: str) -> None:
    if fault == "other-type" and key in ("procedures", "conditions", "patient"):
        pytest.skip("these are the types that it answers with")
    empty = {one: value for one, value in s.prefetch().items() if one != key}
    stub.answers = serving({**empty, key: s.bundle()}, {key: FAULTS[fault]})
    found = gather(stub, empty, seconds=0.3 if fault == "hanging" else 3.0)
    assert found.chart.not_looked_up == {NAMES[key]}
    assert found.said(key)[0] == outcomes.ABSENT
    assert found.said(key)[1] in outcomes.EHR_WORDS
    if key in ("patient", "conditions"):
        return
    (screen,) = patient_view(found.chart).findings
    modules = {"vitamin-b12": "B12", "calcium-vitamin-d": "CA", "copper-wilson": "CU", "vitamin-e": "VITE"}
    detail = " ".join(screen.statements)
    if key in LISTS:
        assert "not available" in detail
    elif NAMES[key] in modules and screen.module == "SCREEN":
        assert modules[NAMES[key]] not in screen.includes
    assert len(screen.includes) >= 1


@pytest.mark.parametrize("seconds", [0.0, -1.0, 0.01])
def test_when_no_time_is_left_nothing_is_asked(stub: Stub, seconds: float) -> None:
    found = gather(stub, {}, seconds=seconds)
    assert not stub.asked
    assert found.said("patient")[1] == outcomes.LATE


def test_both_rounds_share_one_deadline(stub: Stub) -> None:
    slow = serving(EVERYTHING)
    stub.answers = lambda a: Reply(slow(a).status, slow(a).body, wait=0.25)
    began = time.monotonic()
    found = gather(stub, {}, seconds=0.4)
    assert found.chart.has_condition("D_GEN")
    assert {one.outcome for one in found.looked if one.source == "ehr"} == {outcomes.DELIVERED, outcomes.LATE}
    assert time.monotonic() - began < 3  # it ends; how fast is for the bench to say


def test_a_partial_prefetch_goes_on_and_counts_nothing_twice(stub: Stub) -> None:
    labs = [s.observation("2132-9", 90 + n, "pg/mL", id=f"o{n}") for n in range(4)]

    def answer(asked: Asked) -> Reply:
        if asked.param("page"):
            return Reply(body=searchset(*labs[1:], total=4))  # overlaps by one with what was sent
        return Reply(body=searchset(*labs, total=4))

    stub.answers = answer
    whole = gather(stub, s.prefetch(*labs)).chart
    sent = s.prefetch(labs_vitamin_b12=searchset(*labs[:2], total=4, next_url=f"{stub.base}?page=2"))
    found = gather(stub, sent)
    assert [one.method for one in stub.asked] == ["GET"]
    assert found.chart == whole
    stub.asked.clear()
    sent = s.prefetch(labs_vitamin_b12=searchset(*labs[:2], next_url="https://other.example/fhir?page=2"))
    assert gather(stub, sent).chart == whole
    assert [one.method for one in stub.asked] == ["POST"]


def test_of_a_result_that_has_changed_meanwhile_only_the_newer_counts(stub: Stub) -> None:
    old, new = s.observation("718-7", 12, "g/dL"), s.observation("718-7", 9, "g/dL")
    stub.answers = serving({**EVERYTHING, "labs_manganese": s.bundle(new)})
    sent = {**s.prefetch(old)}
    del sent["labs_manganese"]
    found = gather(stub, sent)
    assert [r.printed for r in found.chart.results("HGB")] == ["9"]
    assert found.chart.not_looked_up == frozenset()


def test_what_stood_under_the_wrong_key_is_not_lost(stub: Stub) -> None:
    sent = {**s.prefetch(), "orders": s.bundle({"resourceType": "MedicationAdministration", "id": "a1",
            "status": "completed", "medicationCodeableConcept": s.concept(s.RXNORM, "11248")})}  # fmt: skip
    found = gather(stub, sent)
    assert asked_keys(stub) == ["orders"]
    assert any(m.given for m in found.chart.medications)
    assert found.chart.not_looked_up == frozenset()


# --- products that are only referred to ---

PRODUCT = {"resourceType": "Medication", "id": "product-1", "code": s.concept(s.RXNORM, "11248")}


def refers(text: str = "Medication/product-1", **changes: Any) -> Any:
    return s.medication_request(
        **{"medicationCodeableConcept": s.DROP, "medicationReference": {"reference": text}, **changes}
    )


@pytest.mark.parametrize(
    ("draft", "known"),
    [
        (refers("#x", id="d1", status="draft", contained=[{**PRODUCT, "id": "x"}]), True),
        (s.medication_request("7486", id="d1", status="draft"), True),
        (s.medication_request("999999", id="d1", status="draft"), True),
        (refers(id="d1", status="draft"), False),
        (refers(id="d1", status="draft", medicationReference={"display": "a drug"}), False),
        (refers(id="d1", status="draft", medicationReference=s.DROP), False),
    ],
)  # fmt: skip
def test_a_draft_whose_medicine_no_code_names_is_said_to_be_unknown(stub: Stub, draft: Any, known: bool) -> None:
    stub.answers = lambda _: Reply(404, body={})
    found = gather(stub, EVERYTHING, fallback.for_orders(ORDER_RULES), drafts=(draft,))
    told = [one for one in found.looked if one.key == "draftOrders"]
    assert told == ([] if known else [Looked("draftOrders", "unknown-product", "prefetch")])


def without_including(values: Mapping[str, Any]) -> Callable[[Asked], Reply]:
    """An EHR that does not send products with its lists."""
    listed = serving(values)

    def answer(asked: Asked) -> Reply:
        if asked.path == "Medication/product-1":
            return Reply(body=PRODUCT)
        return Reply(404, body={}) if asked.path.startswith("Medication/") else listed(asked)

    return answer


@pytest.mark.parametrize(
    "text", ["Medication/product-1", "{base}/Medication/product-1", "Medication/product-1/_history/2"]
)
def test_products_that_a_list_lacks_are_read(stub: Stub, text: str) -> None:
    values = s.prefetch(s.observation(), medications=s.bundle(refers(text.format(base=stub.base))))
    stub.answers = without_including(values)
    for sent in ({}, values):
        stub.asked.clear()
        found = gather(stub, sent)
        assert found.chart.treatments("B12_RX")
        assert found.chart.not_looked_up == frozenset()
        assert stub.paths().count("GET Medication/product-1") == 1


@pytest.mark.parametrize(
    "text", ["Medication/nowhere", "https://other.example/fhir/Medication/product-1", "Medication/a?b", "Medication/..",
             "Medication/", "Patient/1", "urn:uuid:1"],
)  # fmt: skip
def test_a_list_whose_products_cannot_be_read_stays_partial(stub: Stub, text: str) -> None:
    values = s.prefetch(s.observation(), medications=s.bundle(refers(text)))
    stub.answers = without_including(values)
    found = gather(stub, values)
    assert found.chart.not_looked_up == {"medications"}
    assert {path for path in stub.paths() if "Medication/" in path} <= {"GET Medication/nowhere"}


def test_too_many_products_are_not_read_one_by_one(stub: Stub) -> None:
    medicines = [refers(f"Medication/m{n}", id=f"r{n}") for n in range(fallback.MOST_PRODUCTS + 1)]
    values = s.prefetch(s.observation(), medications=s.bundle(*medicines))
    stub.answers = without_including(values)
    assert gather(stub, values).chart.not_looked_up == {"medications"}
    assert len(stub.asked) == 1


def test_the_product_of_a_draft_is_read_before_it_is_judged(stub: Stub) -> None:
    stub.answers = without_including({**EVERYTHING, "conditions": s.bundle(s.condition())})
    draft = refers(id="draft-1", status="draft")
    found = gather(stub, s.prefetch(), fallback.for_orders(ORDER_RULES), drafts=(draft,))
    assert stub.paths() == ["GET Medication/product-1"]
    assert "B12_RX" in found.chart.drafts[0].sets
