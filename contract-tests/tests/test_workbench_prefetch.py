"""The workbench's page plays the EHR in the browser: it answers prefetch templates as the EHR of `make demo` does."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from screening import services
from screening.knowledge import loading
from screening.synthetic import cases
from screening.synthetic.cases import Case
from tryout import ehr, patient
from tryout.record import NotABundle

ROOT: Final = Path(__file__).parents[2]
MODULES: Final = ROOT / "services" / "screening" / "src" / "screening" / "pages" / "assets"
ANSWERS: Final = ROOT / "contract-tests" / "workbench" / "answers.mjs"
SYNTHEA: Final = ROOT.parent / "shared" / "data" / "synthea-r4"
TODAY: Final = date(2026, 11, 22)
NODE: Final = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed, in which the page's modules run")

Json = dict[str, Any]
Asked = tuple[object, Mapping[str, str], Mapping[str, Any]]


@pytest.fixture(scope="module")
def templates() -> Mapping[str, str]:
    book = loading.code_book()
    return services.prefetch_templates(book, "https://dystonia-cds.example/fhir")


def in_python(case: Asked) -> Json:
    bundle, asked, context = case
    try:
        return ehr.answer_prefetch(bundle, asked, context, TODAY)  # type: ignore[arg-type] # some are no Bundles
    except NotABundle as error:
        return {"refused": str(error)}


def in_the_page(every: Sequence[Asked], folder: Path) -> list[Json]:
    """What the page's own modules answer, run by node, which must be told that they are modules."""
    for module in MODULES.glob("*.js"):
        shutil.copy(module, folder)
    (folder / "package.json").write_text('{"type": "module"}', "utf-8")
    bundles: list[object] = []
    for bundle, _, _ in every:
        if not any(bundle is known for known in bundles):
            bundles.append(bundle)
    place = {id(bundle): number for number, bundle in enumerate(bundles)}
    told = [
        {"bundle": place[id(bundle)], "templates": asked, "context": context, "today": TODAY.isoformat()}
        for bundle, asked, context in every
    ]
    sent = json.dumps({"bundles": bundles, "cases": told})
    ran = subprocess.run(  # noqa: S603 - node, with a file of ours
        [str(NODE), str(ANSWERS), str(folder)], input=sent, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    found: list[Json] = json.loads(ran.stdout)
    return found


def differing(every: Sequence[Asked], folder: Path) -> list[str]:
    """The keys that are answered differently, each with what was asked."""
    return [
        f"case {number}, {key}: {case[1].get(key, key)}"
        for number, (case, page) in enumerate(zip(every, in_the_page(every, folder), strict=True))
        for python in [in_python(case)]
        for key in [*python, *page]
        if python.get(key, "left out") != page.get(key, "left out")
    ]


def context_of(bundle: Mapping[str, Any]) -> Json:
    return {"patientId": ehr.patient_of(bundle), "userId": "Practitioner/d1"}


def bundle_of(case: Case) -> Json:
    resources = case.record(TODAY, lambda _system, code: f"display of {code}")
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}


TIMES: Final = (
    "2026", "2026-02", "2026-02-29", "2024-02-29", "2026-11-02", "2026-11-02T08:00Z", "2026-11-02T08:00:00+14:00",
    "2026-11-02T08:00:00.123456789-05:00", "2026-11-02T24:00:00Z", "2026-11-02T08:61:00Z", "2026-11-02T08:00:60Z",
    "2026-11-02T08:00:00", "2026-13-01", "0000-01-01", "0001-01-01", "9999-12-31", "9998", "26-11-02", "soon", "",
    "2026-11-02T08:00:00+24:00", "2026-1-2", " 2026-11-02",
)  # fmt: skip
CODES: Final[Sequence[object]] = (
    {"coding": [{"system": "http://loinc.org", "code": "2132-9"}]},
    {"coding": [{"code": "2132-9"}]},
    {"coding": [{"system": "", "code": "a|b"}]},
    {"coding": {"system": "http://loinc.org", "code": "2132-9"}},
    {"coding": ["2132-9", None, {"system": "http://loinc.org"}]},
    [{"coding": [{"system": "urn:x", "code": "a,b"}]}],
    "2132-9",
    7,
)


def odd_record() -> Json:
    observations: list[Json] = [
        {"resourceType": "Observation", "id": f"t{number}", "effectiveDateTime": when}
        for number, when in enumerate(TIMES)
    ]
    observations += [{"resourceType": "Observation", "id": f"c{n}", "code": code} for n, code in enumerate(CODES)]
    observations += [
        {"resourceType": "Observation", "id": "period", "effectivePeriod": {"start": "2026-10-01"}},
        {"resourceType": "Observation", "id": "ended", "effectivePeriod": {"end": "2026-10-01"}},
        {"resourceType": "Observation", "id": "none", "effectivePeriod": {}},
        {"resourceType": "Observation", "id": "timing", "effectiveTiming": {"event": ["2026-10-01", "x", "2026-11"]}},
        {"resourceType": "Observation", "id": "instant", "effectiveInstant": "2026-11-02T08:00:00Z"},
    ]
    subjects = ("urn:uuid:p1", "Patient/p1", "https://ehr.example/fhir/Patient/p1", "Patient/p1/_history/4")
    for number, one in enumerate(observations):
        one["subject"] = {"reference": subjects[number % 4]}
    hostile = '{"resourceType": "Condition", "subject": {"reference": "Patient/p1"}, "__proto__": {"id": "own"}}'
    entries: list[object] = [
        {"fullUrl": "https://ehr.example/fhir/Patient/p1", "resource": {"resourceType": "Patient", "id": "p1"}},
        *({"resource": one} for one in observations),
        {"resource": json.loads(hostile)},
        {"fullUrl": "urn:uuid:m", "resource": {"resourceType": "Medication", "code": {"text": "x"}}},
        {
            "resource": {
                "resourceType": "MedicationRequest",
                "status": "active",
                "subject": {"reference": "Patient/p1"},
                "medicationReference": {"reference": "Medication?identifier=urn:none|1"},
            }
        },
        {
            "resource": {
                "resourceType": "MedicationRequest",
                "status": "active",
                "authoredOn": "2026-01-01",
                "subject": [{"reference": "Patient/p1"}],
                "medicationReference": {"reference": "urn:uuid:m"},
            }
        },
        {"search": {"mode": "outcome"}, "resource": {"resourceType": "OperationOutcome"}},
        {"resource": {"resourceType": ""}},
        {"resource": []},
        None,
        "text",
    ]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries}


ODD_QUERIES: Final = (
    *(f"Observation?patient=p1&date={prefix}{day}" for prefix in ("", "eq", "ge", "gt", "le", "lt", "ap", "sa")
      for day in ("2026-11-02", "2026-11", "2026-11-02T08:00:00Z", "2026-11-02T13:00:00Z", "2024-02-29", "soon")),
    "Observation?patient=p1&_sort=-date", "Observation?patient=p1&_sort=date,-date", "Observation?_sort=code",
    r"Observation?code=a\|b", r"Observation?code=a\,b", "Observation?code=a|b|c", "Observation?code=|",
    "Observation?code=|2132-9", "Observation?code=http://loinc.org|", "Observation?code=2132-9,%20x+y",
    "Observation?code=", "Observation?code", "Observation?&&status=final", r"Observation?code=\\",
    "Coverage?patient=p1", "Observation?constructor=x",
    "MedicationRequest?patient=Patient/p1&_include=MedicationRequest:medication",
    "MedicationRequest?_include=MedicationStatement:medication", "__proto__?patient=p1", "toString?x=1", "Condition",
    "Condition?patient=p1", "Patient/{{context.patientId}}", "Patient/nobody", "Practitioner/{{userPractitionerId}}",
    "Condition?patient={{context.constructor}}", "Observation?date=ge{{today() - 20 days}}",
    "Observation?x={{today()+1day}}", "{{context.userId}}", "",
    "Condition?patient={{context.patientId}}&x={{today() - 6 months}}",
)  # fmt: skip


def test_odd_records_and_odd_queries_are_answered_alike(tmp_path: Path, templates: Mapping[str, str]) -> None:
    queries = {query: query for query in ODD_QUERIES} | dict(templates)
    context = {"patientId": "p1", "userId": "Practitioner/d1"}
    no_bundles: list[object] = [None, [], {"resourceType": "Patient"}, {"resourceType": "Bundle", "entry": {}},
                                {"resourceType": "Bundle", "entry": None}]  # fmt: skip
    every = [(bundle, queries, context) for bundle in (odd_record(), {"resourceType": "Bundle"}, *no_bundles)]
    assert differing(every, tmp_path) == []


def test_the_patients_of_the_try_out_are_answered_alike(tmp_path: Path, templates: Mapping[str, str]) -> None:
    bundles = [patient.bundle(TODAY), *(bundle_of(case) for case in cases.packaged().cases)]
    assert len(bundles) > 15
    assert differing([(bundle, templates, context_of(bundle)) for bundle in bundles], tmp_path) == []


@pytest.mark.wide
@pytest.mark.skipif(not SYNTHEA.is_dir(), reason="the shared synthetic records are not beside this checkout")
def test_whole_records_are_answered_alike(tmp_path: Path, templates: Mapping[str, str]) -> None:
    bundles = [json.loads(file.read_bytes()) for file in sorted(SYNTHEA.glob("*.json"))]
    assert differing([(bundle, templates, context_of(bundle)) for bundle in bundles], tmp_path) == []
