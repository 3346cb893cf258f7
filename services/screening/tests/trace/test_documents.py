"""What a trace says of every scenario, and that nothing of a patient is in it but what the operator wants."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import edge_samples as s
import pytest
from chart_builder import NOW, build
from judging import screened
from scenario_files import shared, written

from screening.domain.findings import SCREEN, Held, Hold
from screening.domain.reasons import explained
from screening.fhir.fallback import EHR, PREFETCH, Looked
from screening.knowledge.loading import code_book
from screening.pages import trace as pages
from screening.trace import LARGEST, Teller, Trace, document
from screening.trace_codes import known

BOOK = code_book()
KNOWN = known(BOOK)
DATE = re.compile(r"(?<!answered on )(?<!until )(?<!until\": \")\d{4}-\d{2}")
"""A date of the record; that of an answer may be told."""
CODE = re.compile(r"[A-Za-z0-9.-]{0,20}")
EGFR = re.compile(r"eGFR [<>=]*\d")
OURS = [case.scenario for case in written()]
SHARED = shared()
SAMPLE = 11
MARK = "zzmarkzz"
VALUE = 97.3137
INSTANCE = s.HOOK_INSTANCE
FORMS = ("application/json", "text/html", "text/plain")


def traced(scenario: Mapping[str, Any]) -> Trace:
    """The trace of a call with the chart of a scenario, as a view puts it down."""
    chart = build(scenario, BOOK)
    screening = screened(chart, scenario)
    trace = Trace("service", scenario["hook"], NOW, "1", hook_instance=INSTANCE)
    trace.explained, trace.held = explained(screening, chart), screening.held
    trace.cards = tuple((finding, "Topic", "uuid") for finding in screening.findings)
    return trace


def check(scenarios: Iterable[Mapping[str, Any]]) -> int:
    """Assert what is true of each trace; how many there were."""
    number = 0
    for scenario in scenarios:
        trace, name = traced(scenario), scenario["id"]
        cards = len(scenario["expect"]["cards"])
        plain, with_facts = (json.loads(Teller(codes).row(trace).body) for codes in (None, KNOWN))
        opening = "No card: " if not cards else f"{cards} card{'s' if cards > 1 else ''}. "
        reason = plain["sentence"].removeprefix(opening)
        assert reason != plain["sentence"], (name, plain["sentence"])
        assert len(reason) > 12, name
        assert reason.endswith("."), name
        assert plain["outcome"] == ("cards" if cards else "silent")
        assert all(card["because"] for card in plain["answer"]["cards"]), name
        assert not DATE.search(json.dumps({**plain, "at": "", "rulesVersion": ""})), name
        told = dict.fromkeys(("sentence", "answer", "tier", "modules", "orderRules"), 0)
        assert {**with_facts, **told} == {**plain, **told}, name
        assert with_facts["sentence"].startswith(plain["sentence"].partition(":")[0]), name
        assert not EGFR.search(json.dumps(with_facts)), name
        for fact in facts(with_facts):
            assert set(fact) == {"code", "date", "band"}, name
            assert CODE.fullmatch(fact["code"]), name
            assert fact["date"] == "" or date.fromisoformat(fact["date"]), name
            assert fact["band"], name
        assert facts(plain) == []
        number += 1
    return number


def test_with_facts_the_sentence_names_the_bands_that_decided() -> None:
    by_id = {scenario["id"]: scenario for scenario in OURS}
    low = next(one for one in by_id.values() if one["expect"]["cards"] and one["expect"]["cards"][0]["module"] == "B12")
    plain, with_facts = (json.loads(Teller(codes).row(traced(low)).body)["sentence"] for codes in (None, KNOWN))
    assert "ng/L" not in plain
    assert "ng/L" in with_facts


def facts(told: Mapping[str, Any]) -> list[dict[str, str]]:
    return [fact for step in (told["tier"], *told["modules"], *told["orderRules"]) for fact in step["facts"]]


def test_written_scenarios() -> None:
    assert check(OURS[::SAMPLE]) > 100


@pytest.mark.wide
def test_all_written_scenarios() -> None:
    assert check(OURS) > 1000


def test_shared_scenarios() -> None:
    if not SHARED:
        pytest.skip("shared/clinical/scenarios.json is not beside this checkout")
    assert check(SHARED) >= 75


def marked(resource: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """With marks where text stands, and with a code of no meaning before the one that has one."""
    code = resource["code"]["coding"]
    coding = [{"system": "http://codes.example", "code": MARK, "display": MARK}, {**code[0], "display": MARK}]
    return {
        **resource,
        "id": f"{MARK}-1",
        "code": {"coding": coding, "text": MARK},
        "note": [{"text": MARK}],
        **changes,
    }


@pytest.fixture(scope="module")
def bodies(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The pages about marked calls on every hook, without and with facts."""
    values = s.prefetch(
        marked(s.observation("2132-9", VALUE)),
        patient=s.patient(name=[{"family": MARK}], identifier=[{"value": MARK}], birthDate="1987-06-05"),
        conditions=s.bundle(marked(s.condition(recordedDate="2026-10-02"))),
        procedures=s.bundle(marked(s.procedure())),
        orders=s.bundle(marked(s.service_request())),
        medications=s.bundle(s.medication_request(note=[{"text": MARK}])),
        family_history=s.bundle(s.relative(name=MARK)),
        site_facts=s.bundle(s.site_fact(comment=MARK)),
        **{MARK: s.bundle(s.observation(id=MARK))},
    )
    drug = s.medication_request("6915", id=f"{MARK}-2", status="draft", note=[{"text": MARK}])
    orders = (
        marked(s.draft("5683-8"), id="draft-1"),
        {**drug, "medicationCodeableConcept": {"text": f"edetate {MARK}"}},
    )
    calls: list[tuple[str, dict[str, Any]]] = [
        (s.PATIENT_VIEW, s.call(values, encounterId=MARK, userId=f"Practitioner/{MARK}")),
        (s.PATIENT_VIEW, s.call({**values, "conditions": f"<{MARK}>"})),
        (s.ORDER_SELECT, s.order_call(*orders, values=values)),
        ("/cds-services/dystonia-order-sign", {**s.order_call(*orders, values=values), "hook": "order-sign"}),
    ]
    made = []
    for trace_facts in (False, True):
        state_dir = tmp_path_factory.mktemp("state")
        client = s.application(state_dir=state_dir, trace_facts=trace_facts).test_client()
        for path, call in calls:
            assert client.post(path, json=call).status_code in (200, 412)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pages, "_WAIT_S", 0.0)  # there is no other process to wait for
            told = [client.get(f"/trace/{INSTANCE}", headers={"Accept": form}).text for form in FORMS]
        assert len(json.loads(told[0])["traces"]) == len(calls)
        made.append("".join(told))
    return made[0], made[1]


def test_without_facts_nothing_of_a_patient_is_told(bodies: tuple[str, str]) -> None:
    plain, _ = bodies
    assert "B12 abnormal" in plain
    assert "ORD_MN_SPECIMEN" in plain
    for secret in (MARK, "97.31", "97,31", s.PATIENT_ID, s.SERVER, "1987", "2026-10", "2026-11-01", "2132-9", "G24.9"):
        assert secret not in plain, secret


def test_with_facts_codes_days_and_bands_are_told_and_nothing_more(bodies: tuple[str, str]) -> None:
    _, with_facts = bodies
    for told in ("2132-9", "2026-11-01", "deficient: below 180 ng/L / 133 pmol/L", "G24.9", "2026-10-02"):
        assert told in with_facts, told
    for secret in (MARK, "97.31", "97,31", s.PATIENT_ID, s.SERVER, "1987"):
        assert secret not in with_facts, secret


@pytest.mark.parametrize("code", ["2132-9", "G24.9", "425492002", "age", "t1-pallidal"])
def test_a_code_that_the_rules_read_is_told(code: str) -> None:
    assert KNOWN(code)


@pytest.mark.parametrize("code", ["", MARK, "Jane Doe", "G24.SYNTHETIC", "G24.9 x", "99999-9", "123456789", "g24"])
def test_any_other_could_be_text_and_is_not(code: str) -> None:
    assert not KNOWN(code)


def test_what_is_held_back_is_told_with_its_end() -> None:
    trace = traced(OURS[0])
    ends = (date(2027, 8, 15), datetime(2026, 11, 23, 12, tzinfo=UTC), None)
    trace.held = tuple(Held(SCREEN, "INCOMPLETE", "info", Hold("answer", "it was answered", end)) for end in ends)
    held = document(trace, None)["heldBack"]
    assert [one["until"] for one in held] == ["2027-08-15", "2026-11-23T12:00:00Z", ""]
    assert held[0] == {
        "what": "SCREEN INCOMPLETE", "by": "answer", "words": "it was answered", "until": "2027-08-15",
    }  # fmt: skip


def test_what_came_of_each_key_is_told_under_the_clients_own_name() -> None:
    trace = traced(OURS[0])
    trace.site_keys = {"orders": "siteOrders"}
    trace.looked = (Looked("patient", "delivered", PREFETCH), Looked("orders", "absent", PREFETCH))
    trace.looked += (Looked("orders", "late", EHR, 349.6),)
    trace.unanswered = {"orders": "late"}
    patient, orders = document(trace, None)["data"]
    assert patient == {
        "key": "patient", "siteKey": "patient", "prefetch": "delivered", "fetched": "", "ms": 0, "why": "",
    }  # fmt: skip
    assert orders == {
        "key": "orders", "siteKey": "siteOrders", "prefetch": "absent", "fetched": "late", "ms": 350, "why": "late",
    }  # fmt: skip


def test_a_failure_of_ours_is_no_refusal() -> None:
    trace = Trace("s", "h", NOW, "1", status=500, refusal="The service failed on this request.")
    assert document(trace, None)["outcome"] == "failed"
    assert document(trace, None)["sentence"] == "Failed (500): The service failed on this request."


def test_a_trace_that_is_too_long_goes_without_its_facts() -> None:
    trace = traced(next(one for one in OURS if one["hook"] == "patient-view" and one["expect"]["cards"]))
    assert trace.explained is not None
    first = trace.explained.phenotype.facts[0]
    many = replace(trace.explained.phenotype, facts=(first,) * 2000)
    trace.explained = replace(trace.explained, phenotype=many)
    body = Teller(KNOWN).row(trace).body
    assert len(body) <= LARGEST
    told = json.loads(body)
    assert told["shortened"]
    assert told["tier"]["facts"] == []
    assert not json.loads(Teller(None).row(trace).body)["shortened"]
