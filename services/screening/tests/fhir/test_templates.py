"""A linter of our own prefetch templates: only what every EHR can answer (design 7). It also shows that it can fail."""

import re
from collections.abc import Mapping
from copy import copy
from typing import Any

import edge_samples as s
import pytest

from screening.domain.codes import CodeBook, Entry
from screening.knowledge import loading
from screening.services import LAB_SETS, discovery, prefetch_names, prefetch_templates

PARAMETERS = {
    "patient", "code", "category", "status", "clinical-status", "verification-status", "date", "authoredon", "_sort",
    "_include",
}  # fmt: skip
BY_PATIENT = {
    "Condition", "MedicationRequest", "MedicationStatement", "Procedure", "ServiceRequest", "FamilyMemberHistory",
}  # fmt: skip
TOKEN = re.compile(r"\{\{(.*?)\}\}")
ALLOWED_TOKEN = re.compile(r"context\.patientId|context\.userId|today\(\) [-+] \d{1,5} days")
LONGEST = 2_000
FORMS = {
    "status": r"[a-z-]+(,[a-z-]+)*",
    "clinical-status": r"[a-z]+(,[a-z]+)*",
    "verification-status": r"[a-z]+(,[a-z]+)*",
    "_sort": r"-?date",
    "category": r"([^|,&]+\|)?[A-Za-z-]+",
}
LOINC = "http://loinc.org"
OURS = "patient={{context.patientId}}"


def faults(template: str) -> list[str]:
    """What an EHR would stumble over in one template."""
    found = [f"token {token}" for token in TOKEN.findall(template) if not ALLOWED_TOKEN.fullmatch(token)]
    bare = TOKEN.sub("TOKEN", template)
    if "{" in bare or "}" in bare:
        found.append("half a token")
    if len(template) > LONGEST:
        found.append(f"{len(template)} characters")
    if "+" in bare or re.search(r"\s", bare) or "%" in bare or "#" in bare:
        found.append("a character that clients mangle")
    if bare.startswith("/") or "//" in bare.partition("?")[0]:
        found.append("an absolute address")
    kind, _, query = bare.partition("?")
    if "?" not in template:
        return found if re.fullmatch(r"Patient/TOKEN", bare) else [*found, "a read of something else"]
    pairs = [part.partition("=") for part in query.split("&")]
    names = [name for name, _, _ in pairs]
    found += [f"parameter {name}" for name in names if name not in PARAMETERS]
    found += [f"repeated {name}" for name in {*names} if names.count(name) > 1]
    found += [f"empty {name}" for name, _, value in pairs if not value or ",," in value or value.endswith(",")]
    found += [f"modifier {name}" for name in names if ":" in name]
    values = {name: value for name, _, value in pairs}
    if values.get("patient") != "TOKEN" or "{{context.patientId}}" not in template:
        found.append("not of this patient")
    if "code" in values and kind != "Observation":
        found.append("codes outside Observation")
    if kind == "Observation" and "code" not in values:
        found.append("all observations")
    if kind not in BY_PATIENT | {"Observation"}:
        found.append(f"kind {kind}")
    for code in values.get("code", "").split(",") if "code" in values else []:
        if not re.fullmatch(r"https?://[^|,&?]+\|[A-Za-z0-9.-]+", code):
            found.append(f"code {code}")
    codes = values.get("code", "").split(",")
    if codes != sorted(set(codes)) and "code" in values:
        found.append("codes not sorted, or twice")
    found += [
        name
        for name in ("date", "authoredon")
        if name in values and not re.fullmatch(r"ge(TOKEN|\d{4}-\d{2}-\d{2})", values[name])
    ]
    found += [name for name, form in FORMS.items() if name in values and not re.fullmatch(form, values[name])]
    if "_include" in values and not re.fullmatch(rf"{kind}:[a-z]+", values["_include"]):
        found.append("include")
    if not template.isascii() or not template.isprintable():
        found.append("not plain ASCII")
    return found


def key_faults(templates: Mapping[str, str], book: CodeBook) -> list[str]:
    """What a site that copies keys by hand, or grants them one by one, would stumble over."""
    found = [f"name {key}" for key in templates if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", key)]
    names = {f"labs_{workup.replace('-', '_')}": sets for workup, (_, sets) in LAB_SETS.items()}
    for key, template in templates.items():
        if not key.startswith("labs_"):
            found += [f"laboratory codes outside of labs_: {key}"] if f"{LOINC}|" in template else []
            continue
        number = re.fullmatch(r"(labs_[a-z0-9_]+?)(?:_(\d+))?", key)
        base, part = (number[1], int(number[2] or 1)) if number else (key, 1)
        if base not in names:
            found.append(f"no workup of {key}")
            continue
        if part > 1 and (f"{base}_{part - 1}" if part > 2 else base) not in templates:
            found.append(f"a part before {key} is missing")
        own = {entry.code for name in names[base] for entry in book.members[name]}
        found += [f"{code} under {key}" for code in re.findall(rf"{LOINC}\|([0-9-]+)", template) if code not in own]
    return found


def templates() -> Mapping[str, str]:
    return prefetch_templates(loading.code_book(), "https://dystonia-cds.example/fhir")


@pytest.mark.parametrize("key", prefetch_names())
def test_every_template_is_one_that_any_ehr_can_answer(key: str) -> None:
    assert faults(templates()[key]) == []


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("Observation?patient={{context.patientId}}&code:in=http://x/ValueSet/y", "parameter code:in"),
        ("Condition?patient={{context.patientId}}&_count=50", "parameter _count"),
        ("Condition?patient={{context.patientId}}&code=http://snomed.info/sct|15802004", "codes outside Observation"),
        ("Observation?patient={{context.patientId}}", "all observations"),
        (
            "Observation?patient={{context.patientId}}&code=http://loinc.org|1-1&code=http://loinc.org|2-2",
            "repeated code",
        ),
        (
            "Observation?patient={{context.patientId}}&code=http://loinc.org|1-1&date=ge2026&date=le2027",
            "repeated date",
        ),
        (
            "Observation?patient={{context.patientId}}&code=http://loinc.org|1-1&date=ge{{today() - 6 months}}",
            "token today() - 6 months",
        ),
        ("Condition?encounter={{context.encounterId}}&patient={{context.patientId}}", "token context.encounterId"),
        ("Condition?encounter={{context.encounterId}}&patient={{context.patientId}}", "parameter encounter"),
        ("Condition?patient={{Patient.id}}", "token Patient.id"),
        ("Condition?patient={{ context.patientId }}", "token  context.patientId "),
        ("Condition?patient={{context.patientId}}&status=a+b", "a character that clients mangle"),
        ("/Patient/{{context.patientId}}", "an absolute address"),
        ("Practitioner/{{context.userId}}", "a read of something else"),
        ("Encounter?patient={{context.patientId}}", "kind Encounter"),
        ("Condition?subject={{context.patientId}}", "not of this patient"),
        ("Condition?patient=1", "not of this patient"),
        ("Observation?patient={{context.patientId}}&code=2132-9", "code 2132-9"),
        ("Observation?patient={{context.patientId}}&code=", "empty code"),
        ("Condition?patient={{context.patientId}", "half a token"),
        (
            "Observation?patient={{context.patientId}}&code=" + ",".join(["http://loinc.org|1-1"] * 100),
            "2146 characters",
        ),
        (f"Observation?{OURS}&code={LOINC}|2-2,{LOINC}|1-1", "codes not sorted, or twice"),
        (f"Observation?{OURS}&code={LOINC}|1-1,{LOINC}|1-1", "codes not sorted, or twice"),
        (f"Observation?{OURS}&code={LOINC}|1-1&_sort=-_lastUpdated", "_sort"),
        (f"Observation?{OURS}&code={LOINC}|1-1&date={{{{today() - 9 days}}}}", "date"),
        (f"Observation?{OURS}&code={LOINC}|1-1&date=ge{{{{today()}}}}", "token today()"),
        (f"Observation?{OURS}&code={LOINC}|1-1&category=laboratory,vital-signs", "category"),
        (f"Observation?{OURS}&code={LOINC}|1-1,", "empty code"),
        (f"Observation?{OURS}&code={LOINC}%7C1-1", "a character that clients mangle"),
        (f"MedicationRequest?{OURS}&authoredon=le{{{{today() - 9 days}}}}", "authoredon"),
        (f"MedicationRequest?{OURS}&_include=MedicationStatement:medication", "include"),
        (f"MedicationRequest?{OURS}&_include:iterate=MedicationRequest:medication", "parameter _include:iterate"),
        (f"MedicationRequest?{OURS}&status=", "empty status"),
        (f"MedicationRequest?{OURS}&status:not=entered-in-error", "modifier status:not"),
        (f"Condition?{OURS}&", "parameter "),
        (f"Condition?{OURS}&_summary=count", "parameter _summary"),
        (f"Condition?{OURS}&_revinclude=Provenance:target", "parameter _revinclude"),
        (f"Condition?{OURS}&_has:Observation:patient:code=1", "parameter _has:Observation:patient:code"),
        (f"Condition?{OURS}&verification-status=Confirmed!", "verification-status"),
        (f"Condition?{OURS}&status=\u200bactive", "not plain ASCII"),
        ("Condition?patient={{%patient}}", "token %patient"),
        ("Condition?patient={{context.patientId}}&patient={{context.patientId}}", "repeated patient"),
        ("Patient/{{context.patientId}}/$everything", "a read of something else"),
        ("https://ehr.example/fhir/Patient/{{context.patientId}}", "an absolute address"),
        ("Practitioner/{{userPractitionerId}}", "token userPractitionerId"),
    ],
)
def test_the_linter_can_fail(template: str, fault: str) -> None:
    assert fault in faults(template)


def test_every_key_is_one_that_a_site_can_copy_and_grant() -> None:
    assert key_faults(templates(), loading.code_book()) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"labs-vitamin-b12": "Observation?"}, "name labs-vitamin-b12"),
        ({"Labs": "Observation?"}, "name Labs"),
        ({"x" * 41: "Observation?"}, f"name {'x' * 41}"),
        ({"results": f"Observation?code={LOINC}|2132-9"}, "laboratory codes outside of labs_: results"),
        ({"labs_everything": "Observation?"}, "no workup of labs_everything"),
        ({"labs_manganese_3": "Observation?"}, "a part before labs_manganese_3 is missing"),
        ({"labs_manganese": f"Observation?code={LOINC}|2132-9"}, "2132-9 under labs_manganese"),
    ],
)
def test_the_linter_of_keys_can_fail(changes: Mapping[str, str], fault: str) -> None:
    assert fault in key_faults({**templates(), **changes}, loading.code_book())


def test_a_template_that_grows_goes_on_under_a_further_key() -> None:
    more = [Entry("L_B12", LOINC, f"{number}-0", "") for number in range(200)]
    book = copy(loading.code_book())
    book.members = {**book.members, "L_B12": (*book.members["L_B12"], *more)}
    split = prefetch_templates(book, "https://dystonia-cds.example/fhir")
    assert "labs_vitamin_b12_3" in split
    assert [fault for key in split for fault in faults(split[key])] == []
    assert key_faults(split, book) == []


def test_discovery_offers_exactly_the_keys_that_are_credited() -> None:
    told: dict[str, Any] = discovery(loading.code_book(), "https://dystonia-cds.example/fhir")
    for service in told["services"]:
        assert set(service["prefetch"]) == set(prefetch_names())
        assert all(isinstance(value, str) for value in service["prefetch"].values())
    assert [(one["id"], one["hook"]) for one in told["services"]] == [
        ("dystonia-patient-view", "patient-view"),
        ("dystonia-order-select", "order-select"),
        ("dystonia-order-sign", "order-sign"),
    ]


def test_discovery_is_as_cds_hooks_has_it() -> None:
    answer = s.application().test_client().get("/cds-services")
    assert answer.mimetype == "application/json"
    for service in answer.get_json()["services"]:
        assert {"hook", "id", "title", "description"} <= set(service)
        assert service["hookVersion"] == "1.0"
        assert re.fullmatch(r"\d+\.\d+\.\d+", service["version"])
        texts = [service[key] for key in ("title", "description", "usageRequirements")]
        assert all(text and not set(text) & set("<>&") for text in texts)


def test_a_sites_own_base_reaches_the_template_and_the_reader() -> None:
    base = "https://site.example/fhir"
    client = s.application(canonical_base=base).test_client()
    told = client.get("/cds-services").get_json()["services"][0]["prefetch"]["site_facts"]
    assert f"{base}/CodeSystem/site-facts|t1-pallidal" in told
    assert faults(told) == []
    fact = s.site_fact(code=s.concept(f"{base}/CodeSystem/site-facts", "t1-pallidal"))
    values = s.prefetch(site_facts=s.bundle(fact))
    (card,) = client.post(s.PATIENT_VIEW, json=s.call(values)).get_json()["cards"]
    assert "MN" in card["extension"]["example.dystonia-cds.decision"]["includes"]
    assert card["source"]["topic"]["system"] == f"{base}/CodeSystem/topics"
