"""A hostile reader's chart: every value of every resource is bent in turn, and nothing else is lost by it."""

import json
from typing import Any

import edge_samples as s
import pytest
from flask.testing import FlaskClient

BENT: list[Any] = [
    None, True, 0, -1, 1e300, "", " ", "\u0000", "x" * 2000, [], [None], [[[]]], {}, {"x": None}, ["x", 5, None, {}],
    {"coding": "x"}, {"reference": ["x"]}, {"value": {}}, "9999-99-99", "NaN",
]  # fmt: skip
CHART = [
    s.patient(deceasedBoolean=False),
    s.condition(onsetAge=s.quantity(20, "a"), onsetPeriod={"start": "2020", "end": "2021"}, text="x"),
    s.observation(
        "5681-2", 900, "nmol/L", id="bent-observation", dataAbsentReason=s.DROP, issued="2026-11-01T08:00:00Z",
        interpretation=[s.concept("x", "H")], effectivePeriod={"start": "2026-10-01", "end": "2026-10-02"},
        referenceRange=[
            {"low": s.quantity(80, "nmol/L"), "high": s.quantity(210, "nmol/L"), "type": s.concept("x", "normal")}
        ],
    ),
    s.observation(valueQuantity=s.DROP, valueString="90 pg/mL", id="text"),
    s.medication_request("6809", dateWritten="2020"),
    s.medication_request(
        resourceType="MedicationStatement", medicationCodeableConcept=s.DROP,
        medicationReference={"reference": "#p"}, effectivePeriod={"start": "2020"},
        contained=[{
            "resourceType": "Medication", "id": "p", "code": s.concept(s.RXNORM, "11248"),
            "ingredient": [{"itemCodeableConcept": s.concept(s.RXNORM, "11248"), "isActive": True}],
        }],
    ),
    s.procedure(performedPeriod={"start": "2020", "end": "2021"}),
    s.service_request("13964-2", doNotPerform=False),
    s.relative(),
    s.site_fact(),
    {"resourceType": "OperationOutcome", "issue": [{"severity": "warning"}]},
]  # fmt: skip


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return s.application().test_client()


@pytest.mark.parametrize("position", range(len(CHART)), ids=[f"{i}-{r['resourceType']}" for i, r in enumerate(CHART)])
def test_one_bent_value_never_ends_a_call_nor_costs_another_entry(client: FlaskClient, position: int) -> None:
    kept = [s.condition(id="kept"), s.observation("1823-4", 2, "umol/L", id="kept")]
    for path in s.places(CHART[position]):
        for value in BENT:
            bent = s.replaced(CHART[position], path, value)
            told = s.bundle(bent, *kept, total=s.DROP)
            chart, _ = s.read(s.prefetch(labs_vitamin_e=told))
            assert any(c.reference == "Condition/kept" for c in chart.conditions), (path, value)
            assert chart.newest("VE") is not None, (path, value)
    for path in s.places(CHART[position]):
        bent = s.replaced(CHART[position], path, BENT[len(path) % len(BENT)])
        told = s.bundle(*CHART[:position], bent, *CHART[position + 1 :], *kept, total=s.DROP)
        answer = client.post(s.PATIENT_VIEW, json=s.call(s.prefetch(labs_vitamin_e=told)))
        assert answer.status_code == 200, (path, answer.data)
        assert answer.get_json()["cards"] or "deceased" in str(path), path


def test_every_part_of_a_bundle_bent() -> None:
    told = s.bundle(s.condition(), s.observation(), link=[{"relation": "self", "url": "x"}])
    told["entry"][0] |= {"fullUrl": "x", "search": {"mode": "match"}, "response": {"status": "200"}}
    for path in s.places(told):
        for value in BENT:
            s.read({"conditions": s.replaced(told, path, value)})


def test_every_part_of_the_drafts_bent() -> None:
    drafts = (
        s.draft(), s.medication_request(id="d2", status="draft", contained=[CHART[5]["contained"][0]]),
        {"resourceType": "Medication", "id": "m", "code": s.concept(s.RXNORM, "4511")},
    )  # fmt: skip
    for position, one in enumerate(drafts):
        for path in s.places(one):
            for value in BENT:
                bent = [*drafts[:position], s.replaced(one, path, value), *drafts[position + 1 :]]
                chart, _ = s.read(s.prefetch(), tuple(bent))
                assert len(chart.drafts) >= 1


def posted(client: FlaskClient, old: bytes, new: bytes) -> tuple[int, Any]:
    body = json.dumps(s.call(s.prefetch(s.observation()))).encode()
    assert old in body
    answer = client.post(s.PATIENT_VIEW, data=body.replace(old, new), content_type="application/json")
    return answer.status_code, answer.get_json()


DEEP = b"[" * 100_000 + b"]" * 100_000
NOT_UTF8 = [b'"\xff\xfe"', b'"\xc3("', b'"\xed\xa0\x80"']
SOMEWHERE = [
    (b'"female"', "a field of the patient"),
    (b'"code": "2132-9"', "a code"),
    (b'"unit": "pg/mL"', "a unit"),
    (b'"reference": "Patient/synthetic-1"', "a subject"),
    (b'"effectiveDateTime": "2026-11-01T08:00:00Z"', "a time"),
]
ENVELOPE = [b'"Practitioner/example-clinician"', b'"https://ehr.example/fhir"', b'"patient-view"']


@pytest.mark.parametrize(("place", "name"), SOMEWHERE, ids=[name for _, name in SOMEWHERE])
@pytest.mark.parametrize("text", [*NOT_UTF8, b'"\\ud800"', b'"\\u0000"', DEEP])
def test_text_that_is_no_text_is_refused_or_read_around(
    client: FlaskClient, place: bytes, name: str, text: bytes
) -> None:
    key, colon, _ = place.rpartition(b": ")
    status, answer = posted(client, place, key + colon + text)
    assert status in (200, 400, 412), (name, text[:10])
    assert ("cards" in answer) is (status == 200)


@pytest.mark.parametrize("place", ENVELOPE, ids=ascii)
@pytest.mark.parametrize(
    "text",
    [
        *NOT_UTF8,
        b'"\\ud800"',
        DEEP,
    ],
)
def test_an_envelope_that_is_no_text_is_refused(client: FlaskClient, place: bytes, text: bytes) -> None:
    status, answer = posted(client, place, text)
    assert status == 400
    assert answer["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("text", [DEEP, DEEP[:100_000], b"{" * 1000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000])
def test_deep_or_unfinished_bodies_are_refused(client: FlaskClient, text: bytes) -> None:
    answer = client.post(s.PATIENT_VIEW, data=text)
    assert answer.status_code == 400
    status, _ = posted(client, b'"prefetch": {', b'"prefetch": {"x": ' + DEEP + b", ")
    assert status in (200, 400)
