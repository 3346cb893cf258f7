"""What a prefetch key brought, and what may therefore be called absent (design 5)."""

import json
from typing import Any

import edge_samples as s
import pytest

from screening.app import reader
from screening.fhir.outcomes import DELIVERED, FAILED, NONE, PARTIAL, WRONG_PATIENT, WRONG_TYPE
from screening.fhir.prefetch import joined, read
from screening.fhir.reading import Call
from screening.knowledge import loading
from screening.services import prefetch_names

READER = reader(loading.code_book(), "https://dystonia-cds.example/fhir")
ERROR = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
FATAL = {"resourceType": "OperationOutcome", "issue": [{"severity": "fatal", "code": "exception"}]}
WARNING = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "not-found"}]}
REMARK = {"resourceType": "OperationOutcome", "issue": {"severity": "information"}}
NEXT = [{"relation": "self", "url": "https://ehr.example/a"}, {"relation": "next", "url": "https://ehr.example/b"}]


@pytest.mark.parametrize(
    ("value", "outcome", "resources"),
    [
        (None, NONE, 0),
        (s.bundle(), DELIVERED, 0),
        (s.bundle(total=s.DROP), DELIVERED, 0),
        (s.bundle(entry=[]), DELIVERED, 0),
        (s.bundle(entry=None), DELIVERED, 0),
        (s.bundle(s.condition()), DELIVERED, 1),
        (s.bundle(s.condition(), type="collection"), DELIVERED, 1),
        (s.bundle(s.condition(), link=NEXT[:1]), DELIVERED, 1),
        # failed
        (ERROR, FAILED, 0),
        (FATAL, FAILED, 0),
        (WARNING, FAILED, 0),
        ({"resourceType": "OperationOutcome"}, FAILED, 0),
        (s.bundle(ERROR, total=s.DROP), FAILED, 0),
        (s.bundle(s.condition(), FATAL, total=1), FAILED, 1),
        (s.bundle({"resourceType": "OperationOutcome", "issue": [{"code": "exception"}]}, total=0), FAILED, 0),
        (s.bundle({"resourceType": "OperationOutcome", "issue": [{"severity": "Error"}]}, total=0), FAILED, 0),
        (s.bundle({"resourceType": "OperationOutcome", "issue": [{"severity": "Warning"}]}, total=0), DELIVERED, 0),
        # a remark of the server beside or instead of results: Epic's empty search
        (s.bundle(WARNING, total=0), DELIVERED, 0),
        (s.bundle(REMARK, total=0), DELIVERED, 0),
        (s.bundle(WARNING, s.condition(), total=1), DELIVERED, 1),
        # goes on elsewhere
        (s.bundle(s.condition(), link=NEXT), PARTIAL, 1),
        (s.bundle(link=NEXT), PARTIAL, 0),
        (s.bundle(s.condition(), link=NEXT[1]), PARTIAL, 1),
        (s.bundle(s.condition(), link=[5, *NEXT]), PARTIAL, 1),
        (s.bundle(s.condition(), {"resourceType": "Nope"}, link=NEXT), PARTIAL, 1),
        # a link that cannot be read may be the next one
        (s.bundle(link=7), PARTIAL, 0),
        (s.bundle(link=[["next"]]), PARTIAL, 0),
        (s.bundle(link=[{"relation": ["next"], "url": "https://ehr.example/b"}]), PARTIAL, 0),
        # not what a search answers
        ("", WRONG_TYPE, 0),
        ('{"resourceType": "Bundle", "entr', WRONG_TYPE, 0),
        (5, WRONG_TYPE, 0),
        (True, WRONG_TYPE, 0),
        ([], WRONG_TYPE, 0),
        ([s.condition()], WRONG_TYPE, 0),
        ({}, WRONG_TYPE, 0),
        ({"resourceType": "Nope"}, WRONG_TYPE, 0),
        ({"resourceType": ["Bundle"]}, WRONG_TYPE, 0),
        (s.condition(), WRONG_TYPE, 1),
        (s.patient(), WRONG_TYPE, 1),
        # entries that cannot be read may have been anything
        (s.bundle(s.condition(), "x"), PARTIAL, 1),
        (s.bundle(s.condition(), 5), PARTIAL, 1),
        (s.bundle(s.condition(), ["x"]), PARTIAL, 1),
        (s.bundle(entry=[None, {"resource": s.condition()}]), PARTIAL, 1),
        (s.bundle(entry=["x", {"resource": s.condition()}]), PARTIAL, 1),
        (s.bundle(entry="x"), PARTIAL, 0),
        (s.bundle(entry={"resource": s.condition()}), DELIVERED, 1),
        # entries of kinds that we do not read are none of ours
        (s.bundle({"resourceType": "Practitioner", "id": "x"}, s.condition()), DELIVERED, 1),
        (s.bundle(entry=[{"resource": s.condition()}, {"resource": {"resourceType": "X"}}]), DELIVERED, 1),
        # what an entry without a resource stands for was found and not sent
        (s.bundle(entry=[{"fullUrl": "x"}]), PARTIAL, 0),
        (s.bundle(entry=[{"fullUrl": "x"}], total=1), PARTIAL, 0),
        (s.bundle(entry=[{"resource": None}]), PARTIAL, 0),
        (s.bundle(entry=[{"fullUrl": "x"}, {"resource": s.condition()}]), PARTIAL, 1),
        (s.bundle(entry=[{"fullUrl": "x"}, {"resource": s.condition()}, {"resource": {"resourceType": "X"}}]),
        PARTIAL, 1),
        (s.bundle(entry=[{"response": {"status": "500", "outcome": ERROR}}], type="batch-response"), PARTIAL, 0),
        (s.bundle(entry=[{"resource": {}}]), PARTIAL, 0),
        (s.bundle(entry=[{"resource": {"id": "x"}}, {"resource": s.condition()}]), PARTIAL, 1),
        # more was found than was delivered
        (
            s.bundle(total=7), PARTIAL, 0,
        ),
        (
            s.bundle(s.condition(), total=7), PARTIAL, 1,
        ),
        (s.bundle(s.condition(), s.condition(id="c2"), total=1), DELIVERED, 2),
        (s.bundle(total="3"), PARTIAL, 0),
        (s.bundle(total=3.0), PARTIAL, 0),
        (s.bundle(total="0"), DELIVERED, 0),
        (s.bundle(s.condition(), total="9876543210"), PARTIAL, 1),
        (s.bundle(s.condition(), total=None), DELIVERED, 1),
        # the server does not know how many there are, or we do not know what it says
        (s.bundle(s.condition(), total=-1), PARTIAL, 1),
        (s.bundle(total=-1), PARTIAL, 0),
        (s.bundle(s.condition(), total="-1"), PARTIAL, 1),
        (s.bundle(s.condition(), total="many"), PARTIAL, 1),
        (s.bundle(s.condition(), total=2.5), PARTIAL, 1),
    ],
)  # fmt: skip
def test_outcomes(value: Any, outcome: str, resources: int) -> None:
    delivery = read(s.raw({"conditions": value}))["conditions"]
    assert (delivery.outcome, len(delivery.resources)) == (outcome, resources)
    assert delivery.complete is (outcome in (DELIVERED, NONE))


@pytest.mark.parametrize("key", [key for key in prefetch_names() if key != "patient"])
def test_each_key_is_credited_by_its_name_only(key: str) -> None:
    name = prefetch_names()[key]
    complete = s.prefetch()
    assert s.read(complete)[0].looked_up(name)
    assert s.read({**complete, key: None})[0].looked_up(name)
    for value in (ERROR, "x", s.bundle(link=NEXT), s.bundle(ERROR, total=s.DROP)):
        chart, _ = s.read({**complete, key: value})
        assert chart.not_looked_up == {name}
    missing = {one: value for one, value in complete.items() if one != key}
    for renamed in (key.upper(), f"{key} ", f"{key}2", key.replace("_", "-") + "-x", "user"):
        chart, _ = s.read({**missing, renamed: complete[key]})
        assert chart.not_looked_up == {name}


def test_an_unknown_key_feeds_the_chart_but_credits_nothing() -> None:
    everything = s.bundle(s.patient(), s.condition(), s.observation(), s.medication_request(), s.procedure())
    chart, _ = s.read({"EpicKey1": everything})
    assert chart.patient.sex == "female"
    assert chart.has_condition("D_GEN")
    assert chart.newest("B12") is not None
    assert chart.treatments("B12_RX")
    assert chart.not_looked_up == set(prefetch_names().values()) - {"patient"}


def test_what_is_partial_or_failed_feeds_the_chart_all_the_same() -> None:
    for value in (s.bundle(s.observation(), link=NEXT), s.bundle(s.observation(), ERROR, total=s.DROP)):
        chart, _ = s.read(s.prefetch(labs_vitamin_b12=value))
        assert chart.newest("B12") is not None
        assert chart.not_looked_up == {"vitamin-b12"}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (s.patient(), True),
        (s.bundle(s.patient()), True),
        (None, False),
        (s.DROP, False),
        (ERROR, False),
        ("x", False),
        (s.bundle(), False),
        (s.patient(id="somebody-else"), False),
        (s.patient(id=s.DROP), False),
        (s.patient(resourceType="Person"), False),
        (s.patient(birthDate=5, gender=["x"]), True),
    ],
)
def test_the_patient_is_looked_up_when_found(value: Any, found: bool) -> None:
    chart, _ = s.read(s.prefetch(patient=value))
    assert chart.looked_up("patient") is found


def test_the_order_of_keys_and_entries_never_matters() -> None:
    resources = [
        s.patient(), s.condition(), s.condition("R27.0", id="c2"), s.observation(), s.medication_request(),
        s.observation("5681-2", 900, "nmol/L", id="o2"), s.service_request("1823-4"), s.procedure(), s.site_fact(),
    ]  # fmt: skip
    client = s.application().test_client()
    answers = []
    for told in (resources, resources[::-1]):
        values = {**s.prefetch(conditions=s.bundle(*told), patient=s.DROP)}
        for given in (values, dict(reversed(values.items()))):
            answers.append(client.post(s.PATIENT_VIEW, json=s.call(given)).data)
    assert len(json.loads(answers[0])["cards"]) > 0
    assert len(set(answers)) == 1


def outcomes_of(values: dict[str, Any], prefetch_keys: dict[str, str] | None = None) -> tuple[Any, dict[str, str]]:
    call = Call(s.PATIENT_ID, s.raw(values), prefetch_keys=prefetch_keys or {})
    deliveries = READER.deliveries(call)
    chart, _ = READER.chart(call, s.NOW, deliveries)
    return chart, {key: one.outcome for key, one in deliveries.items()}


OTHERS = {"subject": {"reference": "Patient/somebody-else"}}


def test_what_is_all_of_another_patient_is_an_error_and_says_nothing_about_ours() -> None:
    labs = s.bundle(s.observation(**OTHERS), s.observation("5681-2", 9, "ug/L", id="o2", **OTHERS))
    chart, told = outcomes_of(s.prefetch(labs_vitamin_b12=labs))
    assert told["labs_vitamin_b12"] == WRONG_PATIENT
    assert chart.not_looked_up == {"vitamin-b12"}
    mixed = s.bundle(s.observation(**OTHERS), s.observation(id="o2"))
    chart, told = outcomes_of(s.prefetch(labs_vitamin_b12=mixed))
    assert (told["labs_vitamin_b12"], chart.not_looked_up) == (DELIVERED, frozenset())


def test_the_products_of_another_patients_medicines_do_not_make_them_ours() -> None:
    product = {"resourceType": "Medication", "id": "m1"}
    theirs = s.bundle(s.medication_request(**OTHERS), s.medication_request(id="m2", **OTHERS), product, total=2)
    chart, told = outcomes_of(s.prefetch(medications=theirs))
    assert (told["medications"], chart.not_looked_up) == (WRONG_PATIENT, {"medications"})


def test_a_single_stray_resource_is_overlooked_but_noted() -> None:
    chart, told = outcomes_of(s.prefetch(labs_vitamin_b12=s.bundle(s.observation(**OTHERS))))
    assert (told["labs_vitamin_b12"], chart.not_looked_up) == (WRONG_PATIENT, frozenset())
    link = [{"relation": "next", "url": "https://ehr.example/b"}]
    chart, told = outcomes_of(s.prefetch(labs_vitamin_b12=s.bundle(s.observation(**OTHERS), link=link)))
    assert (told["labs_vitamin_b12"], chart.not_looked_up) == (WRONG_PATIENT, {"vitamin-b12"})


@pytest.mark.parametrize("relation", ["next", "Next", " NEXT "])
def test_a_next_page_is_seen_however_it_is_written(relation: str) -> None:
    link = [{"relation": relation, "url": "https://ehr.example/b"}]
    chart, told = outcomes_of(s.prefetch(labs_vitamin_b12=s.bundle(link=link)))
    assert (told["labs_vitamin_b12"], chart.not_looked_up) == (PARTIAL, {"vitamin-b12"})


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (s.patient(), DELIVERED),
        (s.bundle(s.patient()), DELIVERED),
        (s.patient(id="somebody-else"), WRONG_PATIENT),
        (s.condition(), WRONG_TYPE),
        (s.bundle(s.condition()), WRONG_TYPE),
        (None, NONE),
        (ERROR, FAILED),
    ],
)
def test_outcomes_of_the_patient(value: Any, outcome: str) -> None:
    assert outcomes_of(s.prefetch(patient=value))[1]["patient"] == outcome


def test_what_holds_other_types_only_is_of_the_wrong_type() -> None:
    told = outcomes_of(s.prefetch(conditions=s.bundle(s.observation())))[1]
    assert told["conditions"] == WRONG_TYPE


def test_keys_that_a_site_has_renamed_are_credited() -> None:
    values = s.prefetch()
    del values["conditions"], values["labs_vitamin_b12"], values["labs_manganese"]
    theirs = {**values, "EpicProblems": s.bundle(s.condition()), "EpicLabs": s.bundle(s.observation())}
    names = {"conditions": "EpicProblems", "labs_vitamin_b12": "EpicLabs", "labs_manganese": "EpicLabs"}
    chart, told = outcomes_of(theirs, names)
    assert chart.not_looked_up == frozenset()
    assert chart.has_condition("D_GEN")
    assert {told[key] for key in names} == {DELIVERED}
    assert not {"EpicProblems", "EpicLabs"} & set(told)
    without = {key: value for key, value in theirs.items() if key != "EpicProblems"}
    assert outcomes_of(without, names)[0].not_looked_up == {"conditions"}
    assert outcomes_of(theirs, {"nonsense": "EpicLabs"})[1]["EpicLabs"] == DELIVERED


def test_a_sites_own_name_comes_before_ours() -> None:
    values = {**s.prefetch(conditions=s.bundle(s.condition())), "EpicProblems": ERROR}
    chart, told = outcomes_of(values, {"conditions": "EpicProblems"})
    assert told["conditions"] == FAILED
    assert chart.not_looked_up == {"conditions"}
    assert chart.has_condition("D_GEN")  # what stands under our name is read all the same


@pytest.mark.parametrize(
    ("pages", "whole", "outcome", "resources"),
    [
        ([s.bundle(s.condition(), link=NEXT, total=2), s.bundle(s.condition(id="c2"), total=2)], True, DELIVERED, 2),
        ([s.bundle(s.condition(), link=NEXT, total=3), s.bundle(s.condition(id="c2"), total=3)], True, PARTIAL, 2),
        ([s.bundle(s.condition(), link=NEXT, total=s.DROP)], False, PARTIAL, 1),
        ([s.bundle(s.condition()), s.bundle(ERROR, total=s.DROP)], True, FAILED, 1),
        ([s.bundle(s.condition()), ERROR], True, PARTIAL, 1),
        ([s.bundle(s.condition(), total=9), s.bundle("x", total=s.DROP)], True, PARTIAL, 1),
        ([s.bundle()], True, DELIVERED, 0),
        ([ERROR], True, FAILED, 0),
        ([s.patient()], True, WRONG_TYPE, 1),
        ([], False, PARTIAL, 0),
    ],
)
def test_pages_read_as_one(pages: list[Any], whole: bool, outcome: str, resources: int) -> None:
    made = joined(None, [json.dumps(page).encode() for page in pages], whole=whole)
    assert (made.outcome, len(made.resources)) == (outcome, resources)


def entry(resource: Any, mode: Any) -> Any:
    return {"resource": resource, "search": {"mode": mode}}


@pytest.mark.parametrize(
    ("mode", "total", "outcome"),
    [
        ("include", 1, DELIVERED), ("include", 2, PARTIAL), ("outcome", 2, PARTIAL), ("match", 2, DELIVERED),
        (["include"], 2, DELIVERED), (None, 2, DELIVERED),
    ],
)  # fmt: skip
@pytest.mark.parametrize("beside", [s.patient(), {"resourceType": "Practitioner", "id": "p"}])
def test_what_comes_beside_the_matches_is_not_counted_as_found(
    mode: Any, total: int, outcome: str, beside: Any
) -> None:
    """Whatever it is: a server that adds the patient to one of two conditions has delivered one of two."""
    value = s.bundle(entry=[entry(s.condition(), "match"), entry(beside, mode)], total=total)
    assert read(s.raw({"conditions": value}))["conditions"].outcome == outcome


def test_what_a_later_page_repeats_is_counted_once() -> None:
    pages = [s.bundle(s.condition(), link=NEXT, total=3), s.bundle(s.condition(), s.condition(id="c2"), total=3)]
    encoded = [json.dumps(page).encode() for page in pages]
    assert joined(None, encoded, whole=True).outcome == PARTIAL
    first = read(s.raw({"conditions": pages[0]}))["conditions"]
    assert joined(first, encoded[1:], whole=True).outcome == PARTIAL
    third = json.dumps(s.bundle(s.condition(id="c3"), total=3)).encode()
    assert joined(first, [encoded[1], third], whole=True).outcome == DELIVERED


def test_pages_go_on_from_what_is_here() -> None:
    first = read(s.raw({"conditions": s.bundle(s.condition(), link=NEXT, total=2)}))["conditions"]
    assert (first.outcome, first.next) == (PARTIAL, "https://ehr.example/b")
    made = joined(first, [json.dumps(s.bundle(s.condition(id="c2"), total=2)).encode()], whole=True)
    assert (made.outcome, len(made.resources)) == (DELIVERED, 2)


def test_products_that_a_search_includes_are_not_counted_as_found() -> None:
    product = {"resourceType": "Medication", "id": "m1"}
    value = s.bundle(s.medication_request(), product, product, total=3)
    assert read(s.raw({"medications": value}))["medications"].outcome == PARTIAL
