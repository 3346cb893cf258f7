"""Every kind of card against CDS Hooks and our own promises: what is there, what must not be there."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import edge_samples as s
import pytest
from fhirclient.models.bundle import Bundle
from fhirclient.models.servicerequest import ServiceRequest

from screening.cards import drafts
from screening.cards.render import evidence_line
from screening.cards.topics import topic_code, topic_display
from screening.domain import catalog
from screening.domain.citations import AASLD_WILSON
from screening.domain.evidence import Evidence
from screening.domain.orders.registry import ORDER_RULES
from screening.domain.workups.registry import WORKUPS
from screening.knowledge import loading

DECISION = "example.dystonia-cds.decision"
WITH_INCLUDES = {"SCREEN", "DATA", "ORD_PANEL_FIRST", "ORD_SYMPT_TX"}
ADULT_BORN = "1960-01-01"


def mn(value: int, **more: Any) -> Any:
    return s.observation("5681-2", value, "nmol/L", id="mn", **more)


def drug(code: str, text: str = "") -> Any:
    told = {**s.concept(s.RXNORM, code), **({"text": text} if text else {})}
    return s.medication_request(id="d1", status="draft", medicationCodeableConcept=told)


ON_PN = {"procedures": s.bundle(s.procedure())}
CALLS: dict[str, tuple[Any, list[str]]] = {
    "screen": (s.call(), ["SCREEN INCOMPLETE"]),
    "screen-high-risk": (s.call(s.prefetch(**ON_PN)), ["SCREEN INCOMPLETE"]),
    "chorea": (s.call(s.prefetch(conditions=s.bundle(s.condition("G25.5")))), ["SCREEN INCOMPLETE"]),
    "data": (s.call(s.prefetch(**dict.fromkeys(s.LAB_KEYS, s.DROP))), ["DATA NOT_ASSESSED"]),
    "screen-and-data": (s.call(s.prefetch(labs_vitamin_e=s.DROP)), ["SCREEN INCOMPLETE"]),
    "lists-missing": (
        s.call(s.prefetch(medications=s.DROP, procedures=s.DROP, orders=s.DROP, family_history=s.DROP)),
        ["SCREEN INCOMPLETE"],
    ),
    "b12-abnormal": (s.call(s.prefetch(s.observation())), ["B12 ABNORMAL", "SCREEN INCOMPLETE"]),
    "b12-borderline": (
        s.call(s.prefetch(s.observation("2132-9", 250, "pg/mL"))), ["B12 BORDERLINE", "SCREEN INCOMPLETE"],
    ),
    "b12-discordant": (
        s.call(s.prefetch(s.observation("2132-9", 500, "pg/mL"), s.observation("13964-2", 0.9, "umol/L", id="mma"))),
        ["B12 DISCORDANT", "SCREEN INCOMPLETE"],
    ),
    "n2o": (
        s.call(s.prefetch(site_facts=s.bundle(s.site_fact("n2o-recreational")))),
        ["B12 DISCORDANT", "SCREEN INCOMPLETE"],
    ),
    "vite-abnormal": (
        s.call(s.prefetch(s.observation("1823-4", 2, "umol/L"))), ["SCREEN INCOMPLETE", "VITE ABNORMAL"],
    ),
    "vite-borderline": (
        s.call(s.prefetch(s.observation("1823-4", 13, "umol/L"))), ["SCREEN INCOMPLETE", "VITE BORDERLINE"],
    ),
    "mn-abnormal": (s.call(s.prefetch(mn(900))), ["MN ABNORMAL", "SCREEN INCOMPLETE"]),
    "mn-borderline": (s.call(s.prefetch(mn(500))), ["MN BORDERLINE", "SCREEN INCOMPLETE"]),
    "comparator": (
        s.call(s.prefetch(s.observation(valueQuantity={**s.quantity(100, "pg/mL"), "comparator": "<"}))),
        ["B12 ABNORMAL", "SCREEN INCOMPLETE"],
    ),
    "bare-facts": (
        s.call(s.prefetch(
            s.observation(id=s.DROP, code={"coding": [{"system": s.LOINC, "code": "2132-9"}]}),
            conditions=s.bundle(s.condition(id=s.DROP, recordedDate=s.DROP)),
        )),
        ["B12 ABNORMAL", "SCREEN INCOMPLETE"],
    ),
    "all-four": (
        s.call(s.prefetch(s.observation(), mn(900), s.observation("1823-4", 2, "umol/L", id="ve"), **ON_PN)),
        ["B12 ABNORMAL", "MN ABNORMAL", "VITE ABNORMAL"],
    ),
    "mn-specimen": (s.order_call(s.draft("5683-8")), ["ORD_MN_SPECIMEN"]),
    "b12-reflex": (
        s.order_call(s.draft("2132-9"), values=s.prefetch(s.observation("2132-9", 250, "pg/mL"))), ["ORD_B12_REFLEX"],
    ),
    "b12-on-treatment": (
        s.order_call(s.draft("2132-9"), values=s.prefetch(medications=s.bundle(s.medication_request("11248")))),
        ["ORD_B12_ON_TX"],
    ),
    "folate": (s.order_call(drug("4511", "folic acid")), ["ORD_FOLATE"]),
    "folate-low": (s.order_call(drug("4511"), values=s.prefetch(s.observation())), ["ORD_FOLATE"]),
    "n2o-critical": (s.order_call(drug("7486"), values=s.prefetch(s.observation())), ["ORD_N2O"]),
    "vite-lipid": (s.order_call(s.draft("1823-4")), ["ORD_VITE_LIPID"]),
    "vite-product": (s.order_call(drug("11256")), ["ORD_VITE_RX"]),
    "pn": (s.order_call(drug("6623"), values=s.prefetch(mn(900))), ["ORD_PN_MN"]),
    "metformin": (s.order_call(drug("6809"), values=s.prefetch(s.observation())), ["ORD_METFORMIN"]),
    "two-orders": (
        s.order_call(s.draft("5683-8", id="a"), s.draft("1823-4", id="b"), drug("4511")),
        ["ORD_FOLATE", "ORD_MN_SPECIMEN"],
    ),
    "order-data": (
        s.order_call(drug("4511"), values=s.prefetch(labs_vitamin_b12=s.DROP)), ["DATA NOT_ASSESSED"],
    ),
}  # fmt: skip
CLIENT = s.application(public_url="https://cds.example").test_client()


def answer(name: str) -> Any:
    body, _ = CALLS[name]
    path = s.PATIENT_VIEW if body["hook"] == "patient-view" else s.ORDER_SELECT
    told = CLIENT.post(path, json=body)
    assert told.status_code == 200, told.data
    return told.get_json()


def everything(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of a document with its path."""
    yield path, node
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from everything(value, f"{path}.{key}")


def actions(card: Any) -> list[Any]:
    return [action for one in card.get("suggestions", ()) for action in one["actions"]]


@pytest.mark.parametrize("name", CALLS)
def test_each_call_gets_its_cards(name: str) -> None:
    assert s.modules(answer(name)["cards"]) == sorted(CALLS[name][1])


@pytest.mark.parametrize("name", CALLS)
def test_no_null_and_nothing_empty(name: str) -> None:
    told = answer(name)
    assert set(told) == {"cards"}
    for path, value in everything(told):
        assert value is not None, path
        assert value not in ("", [], {}), path
        assert not isinstance(value, str) or value == value.strip() != "", path


@pytest.mark.parametrize("name", CALLS)
def test_the_parts_of_a_card(name: str) -> None:
    for card in answer(name)["cards"]:
        assert set(card) <= {
            "uuid", "summary", "detail", "indicator", "source", "suggestions", "selectionBehavior", "overrideReasons",
            "links", "extension",
        }  # fmt: skip
        assert len(card["summary"]) <= 125
        assert card["summary"].endswith(".")
        assert not set(card["summary"]) & set("<>*_`\n")
        assert card["indicator"] in ("info", "warning", "critical")
        assert card["source"]["label"]
        assert card["source"]["url"].startswith("https://cds.example/")
        for link in card["links"]:
            assert link["label"]
            assert link["type"] == "absolute"
            assert link["url"].startswith("https://cds.example/explanations/")
            assert "appContext" not in link
        assert ("suggestions" in card) is ("selectionBehavior" in card)
        assert card.get("selectionBehavior", "any") == "any"
        assert "not a diagnosis" in card["detail"]
        assert f"]({card['links'][0]['url']})" in card["detail"]


@pytest.mark.parametrize("name", CALLS)
def test_suggestions_and_their_actions(name: str) -> None:
    body = CALLS[name][0]
    drafted = {
        f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        for entry in body["context"].get("draftOrders", {}).get("entry", ())
    }
    for card in answer(name)["cards"]:
        for one in card.get("suggestions", ()):
            assert set(one) == {"label", "uuid", "actions"}
            kinds = [action["type"] for action in one["actions"]]
            assert set(kinds) <= {"create", "delete"}
            assert kinds == sorted(kinds, reverse=True), "deletes come before creates"
            codes = [(a["resource"]["code"]["coding"][0]["code"], str(a["resource"].get("orderDetail"))) for a in
                     one["actions"] if a["type"] == "create"]  # fmt: skip
            assert len(set(codes)) == len(codes)
        for action in actions(card):
            assert action["description"]
            if action["type"] == "delete":
                assert set(action) == {"type", "description", "resourceId"}
                assert action["resourceId"] in drafted
            else:
                assert set(action) == {"type", "description", "resource"}


@pytest.mark.parametrize("name", CALLS)
def test_drafts_are_valid_and_only_ask(name: str) -> None:
    for card in answer(name)["cards"]:
        for action in actions(card):
            if action["type"] != "create":
                continue
            made = action["resource"]
            read = ServiceRequest(made, strict=True)
            Bundle({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": made}]}, strict=True)
            assert (read.status, read.intent) == ("draft", "order")
            assert read.subject.reference == f"Patient/{s.PATIENT_ID}"
            assert "id" not in made
            assert len(made["code"]["coding"]) == 1
            assert made["code"]["coding"][0]["system"] in (s.LOINC, s.SNOMED)
            reasons = [one["reference"] for one in made.get("reasonReference", ())]
            assert reasons in ([], ["Condition/condition-1"])
            assert reasons or name == "bare-facts"


@pytest.mark.parametrize("name", CALLS)
def test_the_decision(name: str) -> None:
    for card in answer(name)["cards"]:
        decision = card["extension"][DECISION]
        assert set(card["extension"]) == {DECISION}
        assert ("includes" in decision) is (decision["module"] in WITH_INCLUDES)
        assert ("state" in decision) is (not decision["module"].startswith("ORD_"))
        assert decision["rulesVersion"] in card["source"]["label"]
        assert decision["evidence"]
        for fact in decision["evidence"]:
            assert set(fact) <= {"code", "display", "value", "unit", "date", "reference", "criterion", "citation"}
            assert {"code", "display", "criterion", "citation"} <= set(fact)
            assert isinstance(fact.get("value", 0), int | float) or re.match(r"[<>]=?\d", fact["value"])
            assert re.fullmatch(r"\d{4}-\d\d-\d\d", fact.get("date", "2026-01-01"))
            assert re.fullmatch(r"[A-Za-z]+/\S+", fact.get("reference", "X/1"))
        topic = card["source"]["topic"]
        assert topic["code"] == topic_code(decision["module"], decision.get("state", ""))


@pytest.mark.parametrize("name", CALLS)
def test_override_reasons_are_published(name: str) -> None:
    known = loading.override_reasons()
    for card in answer(name)["cards"]:
        codes = [reason["code"] for reason in card["overrideReasons"]]
        assert len(set(codes)) == len(codes) > 0
        for reason in card["overrideReasons"]:
            assert reason["display"] == known[reason["code"]]
            assert reason["system"] == "https://dystonia-cds.example/fhir/CodeSystem/override-reasons"


@pytest.mark.parametrize("name", CALLS)
def test_ids_are_real_and_unique(name: str) -> None:
    cards = answer(name)["cards"]
    ids = [card["uuid"] for card in cards] + [one["uuid"] for card in cards for one in card.get("suggestions", ())]
    assert len(set(ids)) == len(ids)
    for one in ids:
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", one)


@pytest.mark.parametrize("name", CALLS)
def test_an_answer_is_the_same_each_time(name: str) -> None:
    assert answer(name) == answer(name)


def test_values_stand_as_they_were_sent() -> None:
    body = s.call(s.prefetch(s.observation("2132-9", 90.50, "pg/mL")))
    (card,) = (
        c
        for c in CLIENT.post(s.PATIENT_VIEW, json=body).get_json()["cards"]
        if "B12" in c["extension"][DECISION]["module"]
    )
    fact = next(e for e in card["extension"][DECISION]["evidence"] if "value" in e)
    assert (fact["value"], fact["unit"], fact["date"], fact["reference"]) == (
        90.5, "pg/mL", "2026-11-01", "Observation/observation-1",
    )  # fmt: skip
    assert "**90.5 pg/mL** (66.8 pmol/L), 2026-11-01" in card["detail"].replace("\\", "")


def test_topics_are_static_and_alphanumeric() -> None:
    states = [
        "ABNORMAL", "BORDERLINE", "DISCORDANT", "CRITICAL", "INCOMPLETE", "NOT_ASSESSED", "NO_RESULT", "WRONG_SPECIMEN",
    ]  # fmt: skip
    named = [(w.module, state) for w in WORKUPS for state in states] + [(rule.name, "") for rule in ORDER_RULES]
    named += [("SCREEN", "INCOMPLETE"), ("DATA", "NOT_ASSESSED")]
    codes = [topic_code(*one) for one in named]
    assert len(set(codes)) == len(codes)
    for one, code in zip(named, codes, strict=True):
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]{2,99}", code)
        assert topic_display(*one).strip()
    assert topic_code("SCREEN", "INCOMPLETE") == "ScreenIncomplete"
    assert topic_code("B12", "ABNORMAL") == "B12Abnormal"
    assert topic_code("VITE", "DISCORDANT") == "ViteDiscordant"
    assert topic_code("ORD_MN_SPECIMEN", "") == "OrdMnSpecimen"
    assert topic_code("DATA", "NOT_ASSESSED") == "DataNotAssessed"


def orderables() -> list[catalog.Orderable]:
    return [value for value in vars(catalog).values() if isinstance(value, catalog.Orderable)]


@pytest.mark.parametrize("patient_id", ["1", "a" * 200, "eM.5-x"])
@pytest.mark.parametrize("reason", ["", "Condition/x"])
def test_whatever_can_be_suggested_is_a_valid_draft(patient_id: str, reason: str) -> None:
    assert drafts.check_all() == len(orderables()) > 10
    for orderable in orderables():
        made = drafts.draft(orderable, patient_id, reason)
        ServiceRequest(made, strict=True)
        assert ("reasonReference" in made) is bool(reason)
        for path, value in everything(made):
            assert value not in (None, "", [], {}), path
    genes = [drafts.draft(one, "1", "") for one in orderables() if one.gene]
    assert genes
    for made in genes:
        assert made["code"]["coding"][0]["code"] == "405825005"
        assert made["orderDetail"][0]["coding"][0]["system"] == "http://www.genenames.org/geneId"
        assert re.fullmatch(r"HGNC:\d+", made["orderDetail"][0]["coding"][0]["code"])
        assert made["note"]


def test_drafts_do_not_share_what_a_caller_may_change() -> None:
    first, second = (drafts.draft(catalog.TOTAL_B12, one, "") for one in ("1", "2"))
    assert first["subject"] != second["subject"]
    assert drafts.draft(catalog.TOTAL_B12, "1", "") == first


@pytest.mark.parametrize(
    ("unit", "shown"), [("", "1.9"), ("1", "1.9"), ("{INR}", "1.9"), ("%", "1.9 %"), ("10*3/uL", r"1.9 10\*3/uL")]
)
def test_a_value_without_unit_is_printed_without_one(unit: str, shown: str) -> None:
    fact = Evidence("6301-6", "INR", "raised: 1.5 or more", AASLD_WILSON, Decimal("1.9"), unit)
    assert evidence_line(fact).startswith(f"INR **{shown}**: raised: 1.5 or more. Source: ")
