"""The patients of the try-out's FHIR server: the built-in one and the workbench's, or those of Bundles at hand."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import requests

from chassis import outgoing
from tryout import patient
from tryout.ehr import add_condition
from tryout.record import NotABundle, Record, Resource, read_record

BUILT_IN: Final = "Low vitamin B12, one of the causes that can be treated"
"""What the built-in patient is called."""

_LAST_MONTH: Final = timedelta(days=30)
_USER_KEY: Final = "Practitioner/COREPRACTITIONER1"
_SANDBOX_USER: Final[Resource] = {
    "resourceType": "Practitioner",
    "id": "COREPRACTITIONER1",
    "name": [{"text": "Clinician of the CDS Hooks Sandbox", "family": "Clinician", "given": ["Sandbox"]}],
}
"""The Sandbox says that this user calls, whatever the server."""


class Unusable(Exception):
    """A file cannot be served; one line for the user."""


@dataclass(frozen=True)
class Shown:
    """A patient as the list shows them.

    Attributes:
        id: of the Patient.
        title: a few words.
        story: a sentence, or empty.
    """

    id: str
    title: str
    story: str = ""


@dataclass(frozen=True)
class Shelf:
    """All that the server serves.

    Attributes:
        record: every resource of every patient.
        patients: as the list shows them, in this order.
        told: what the user should know about it, a line each.
        withheld: patient id -> (resource type, its `code` parameter) of the searches that fail for this patient.
    """

    record: Record
    patients: Sequence[Shown]
    told: Sequence[str] = ()
    withheld: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=dict)


def of_workbench(gateway: str, today: date) -> Shelf:
    """The built-in patient and the cases of the workbench that runs at `gateway`; without it the built-in one alone."""
    own = _Case(Shown("tryout-patient", BUILT_IN), patient.bundle(today))
    try:
        cases = [own, *_cases(gateway)]
        told: tuple[str, ...] = ()
    except (requests.RequestException, ValueError, KeyError, TypeError, NotABundle):
        cases = [own]
        told = (f"Without the workbench's patients: {gateway} did not give them. Start make run, then this again.",)
    resources: dict[str, Resource] = {_USER_KEY: _SANDBOX_USER}
    for case in cases:
        resources.update(_readable(read_record(case.bundle), case.shown.title))
    withheld = {case.shown.id: case.withheld for case in cases if case.withheld}
    return Shelf(Record(resources), [case.shown for case in cases], told, withheld)


@dataclass(frozen=True)
class _Case:
    shown: Shown
    bundle: Mapping[str, Any]
    withheld: frozenset[tuple[str, str]] = frozenset()


def _cases(gateway: str) -> Iterator[_Case]:
    """Yield the cases of the workbench that runs at `gateway`."""
    session = outgoing.session(connect=3, read=30, headers={"Accept": "application/json"})
    listed = _got(session, f"{gateway}/workbench/cases.json")["cases"]
    searches: dict[str, set[tuple[str, str]]] = {}
    for service in _got(session, f"{gateway}/cds-services")["services"]:
        for key, template in service.get("prefetch", {}).items():
            kind, _, asked = template.partition("?")
            searches.setdefault(key, set()).add((kind, parse_qs(asked).get("code", [""])[0]))
    for case in listed:
        bundle = _got(session, f"{gateway}/workbench/{case['id']}/bundle.json")
        (patient_id,) = read_record(bundle).ids("Patient")
        withheld = frozenset[tuple[str, str]]().union(*(searches.get(key, ()) for key in case.get("notDelivered", ())))
        yield _Case(Shown(patient_id, str(case["title"]), str(case.get("story", ""))), bundle, withheld)


def _got(session: requests.Session, address: str) -> Any:
    answer = session.get(address)
    answer.raise_for_status()
    return answer.json()


def of_files(path: Path, today: date, condition: tuple[str, str] | None = None) -> Shelf:
    """The patients of a Bundle, or of all Bundles in a directory.

    Args:
        path: a file, or a directory with `*.json`.
        today: the day from which an added condition is dated back.
        condition: (system, code) of a Condition to add to every patient, or None.

    Raises:
        Unusable: nothing there can be served.
    """
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise Unusable(f"{path}: no *.json in this directory")
    resources: dict[str, Resource] = {}
    for file in files:
        try:
            bundle = json.loads(file.read_bytes())
            record = read_record(bundle)
            if condition:
                for patient_id in record.ids("Patient"):
                    recorded = today - _LAST_MONTH
                    bundle = add_condition(
                        bundle, patient_id=patient_id, system=condition[0], code=condition[1], recorded=recorded
                    )
                record = read_record(bundle)
        except OSError as error:
            raise Unusable(f"{file}: cannot be read ({error.strerror})") from None
        except NotABundle as error:
            raise Unusable(f"{file}: {error}") from None
        except (ValueError, RecursionError):
            raise Unusable(f"{file}: not JSON") from None
        resources.update(_readable(record, ""))
    served = Record(resources)
    if not (patients := served.of_type("Patient")):
        raise Unusable(f"{path}: no Patient in it")
    resources[_USER_KEY] = _SANDBOX_USER
    return Shelf(served, [Shown(str(one["id"]), _called(one)) for one in patients])


def _readable(record: Record, title: str) -> dict[str, Resource]:
    """The resources of a record; every Patient has a name that the Sandbox can show.

    It takes `name[0].given` for a list and stops with an error where there is none.
    """
    found = dict(record.resources)
    for one in record.of_type("Patient"):
        listed = one.get("name")
        names = [name for name in listed if isinstance(name, Mapping)] if isinstance(listed, list) else []
        first = names[0] if names else {}
        if title:
            names = [{"text": title, "given": ["Synthetic:"], "family": title}]
        elif not isinstance(first.get("given"), list) or not isinstance(first.get("family"), str):
            names = [{"given": [_called(one)], "family": f"({one['id']})", **first}, *names[1:]]
        found[f"Patient/{one['id']}"] = {**one, "name": names}
    return found


def _called(one: Resource) -> str:
    """What a Patient is called, by its text, by its parts, or by its id."""
    listed = one.get("name")
    name = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], Mapping) else {}
    given = name.get("given")
    parts = [*(given if isinstance(given, list) else []), name.get("family") or ""]
    return str(name.get("text") or " ".join(map(str, parts)).strip() or f"Patient {one['id']}")
