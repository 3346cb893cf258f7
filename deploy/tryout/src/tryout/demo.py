"""`python -m tryout demo FILE`: play the EHR from a Bundle, call the running gateway, print the cards."""

import json
import re
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import requests

from chassis import outgoing
from tryout import operators, terminal
from tryout.ehr import NoSinglePatient, add_condition, build_call, draft_bundle, patient_of
from tryout.exits import Exit
from tryout.record import NotABundle, read_record

ICD_10_CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"
"""The system of an added code that names none."""

_ICD_10_CM_CODE: Final = re.compile(r"[A-TV-Z][0-9][0-9A-Z](\.?[0-9A-Z]{1,4})?")
_LAST_MONTH: Final = timedelta(days=30)


class DemoError(Exception):
    """The command cannot go on; one line for the user, and the exit code."""

    def __init__(self, words: str, code: Exit) -> None:
        super().__init__(words)
        self.code = code


@dataclass(frozen=True)
class Options:
    """What the user asked for.

    Attributes:
        path: a Bundle as JSON, or a directory of them.
        url: base URL of the gateway.
        hook: whose services are called.
        patient: id of the patient; needed when the Bundle holds several.
        condition: (system, code) of a Condition to add, or None.
        recorded: recordedDate of that Condition.
        draft: file with the draft order or orders, or None.
        output: `cards`, `json` (the answer as it came) or `request` (the call, not sent).
        why: whether to print as well why each answer is as it is.
        token_file: holds the operators' token, for that; None in a try-out, where this machine needs none.
        color: whether to print in color.
        today: the day of the call.
    """

    path: Path
    url: str
    hook: str
    patient: str | None = None
    condition: tuple[str, str] | None = None
    recorded: date | None = None
    draft: Path | None = None
    output: str = "cards"
    why: bool = False
    token_file: Path | None = None
    color: bool = False
    today: date = date.min


def coding_of(text: str) -> tuple[str, str]:
    """(system, code) of `SYSTEM|CODE`; a bare code is ICD-10-CM.

    Raises:
        ValueError: there is no code, or a bare one that cannot be ICD-10-CM.
    """
    system, bar, code = text.rpartition("|")
    if not code or (bar and not system) or not (bar or _ICD_10_CM_CODE.fullmatch(code.upper())):
        raise ValueError("not SYSTEM|CODE")
    return (system or ICD_10_CM, code)


def run(options: Options) -> int:
    """Call the services for every Bundle and print what they answer; the exit code."""
    try:
        files = _files(options.path)
        drafts = _json(options.draft) if options.draft else None
        session = outgoing.session(connect=3, read=30)
        services = _services(session, options)
    except DemoError as error:
        return _tell(error)
    worst = Exit.FINE
    for file in files:
        try:
            if len(files) > 1 and options.output == "cards":
                print(terminal.paint(f"== {terminal.line(file.name)}", "bold", color=options.color))
            refused = _play(session, services, file, drafts, options)
            worst = max(worst, Exit.REFUSED if refused else Exit.FINE)
        except DemoError as error:
            worst = max(worst, _tell(error))
            if error.code is Exit.UNREACHABLE:
                break
    return worst


def _tell(error: DemoError) -> Exit:
    print(terminal.line(error), file=sys.stderr)
    return error.code


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise DemoError(f"{path}: there is no such file", Exit.USAGE)
    if not path.is_dir():
        return [path]
    found = sorted(path.glob("*.json"))
    if not found:
        raise DemoError(f"{path}: no *.json in this directory", Exit.USAGE)
    return found


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise DemoError(f"{path}: cannot be read ({error.strerror})", Exit.USAGE) from None
    except (ValueError, RecursionError):
        raise DemoError(f"{path}: not JSON", Exit.USAGE) from None


def _services(session: requests.Session, options: Options) -> list[Mapping[str, Any]]:
    """The services that the gateway's discovery offers for the hook."""
    address = f"{options.url}/cds-services"
    try:
        found = session.get(address, headers={"Accept": "application/json"})
        offered = found.json()["services"] if found.status_code == 200 else None
    except requests.exceptions.JSONDecodeError:
        offered = None
    except (requests.RequestException, ValueError) as error:
        raise _unreachable(options, error) from None
    except (KeyError, TypeError):
        offered = None
    if not isinstance(offered, list) or not all(_is_service(service) for service in offered):
        raise DemoError(f"{address} does not answer with CDS services; is it our gateway?", Exit.UNREACHABLE)
    chosen = [service for service in offered if service["hook"] == options.hook]
    if not chosen:
        hooks = ", ".join(sorted({service["hook"] for service in offered})) or "none"
        raise DemoError(f"The gateway offers no service for the hook {options.hook} (hooks: {hooks})", Exit.USAGE)
    return chosen


def _is_service(service: object) -> bool:
    return isinstance(service, Mapping) and all(isinstance(service.get(key), str) for key in ("id", "hook"))


def _unreachable(options: Options, error: Exception) -> DemoError:
    reason = "no connection"
    if isinstance(error, requests.TooManyRedirects):
        reason = "it redirects"
    elif isinstance(error, requests.Timeout):
        reason = "no answer in time"
    return DemoError(f"The gateway is not reachable at {options.url} ({reason}); start it: make run", Exit.UNREACHABLE)


def _play(
    session: requests.Session,
    services: list[Mapping[str, Any]],
    file: Path,
    drafts: Any,
    options: Options,
) -> bool:
    """Call every service with one Bundle; whether any refused."""
    try:
        calls = list(_calls(services, _json(file), drafts, options))
    except (NotABundle, NoSinglePatient) as error:
        hint = "; choose one with PATIENT= (--patient)" if "Patients" in str(error) else ""
        raise DemoError(f"{file}: {error}{hint}", Exit.USAGE) from None
    refused = False
    for service, call in calls:
        if options.output == "request":
            print(json.dumps(call, ensure_ascii=False, indent=2))
            continue
        refused |= not _call(session, service, call, options)
    return refused


def _calls(
    services: list[Mapping[str, Any]], bundle: Any, drafts: Any, options: Options
) -> Iterator[tuple[Mapping[str, Any], dict[str, Any]]]:
    record = read_record(bundle)
    patient_id = options.patient or patient_of(bundle)
    if record.read(f"Patient/{patient_id}") is None:
        raise NoSinglePatient(f"no Patient/{patient_id} in the Bundle")
    if options.condition:
        system, code = options.condition
        recorded = options.recorded or options.today - _LAST_MONTH
        bundle = add_condition(bundle, patient_id=patient_id, system=system, code=code, recorded=recorded)
    try:
        orders = draft_bundle(drafts, patient_id) if options.draft else None
    except ValueError as error:
        raise DemoError(f"{options.draft}: {error}", Exit.USAGE) from None
    for service in services:
        yield (
            service,
            build_call(
                bundle,
                service,
                patient_id=patient_id,
                today=options.today,
                hook_instance=str(uuid.uuid4()),
                draft_orders=orders,
            ),
        )


def _call(session: requests.Session, service: Mapping[str, Any], call: dict[str, Any], options: Options) -> bool:
    """Make one call and print its answer; whether it was answered with cards or none, and not refused."""
    address = f"{options.url}/cds-services/{quote(service['id'], safe='')}"
    body = json.dumps(call, ensure_ascii=False).encode()
    started = time.perf_counter()
    try:
        answer = session.post(address, data=body, headers={"Content-Type": "application/json"})
    except requests.RequestException as error:
        raise _unreachable(options, error) from None
    milliseconds = (time.perf_counter() - started) * 1000
    try:
        told = answer.json()
    except ValueError:
        told = None
    cards = told.get("cards") if isinstance(told, Mapping) else None
    fine = answer.status_code == 200 and isinstance(cards, list)
    if options.output == "json":
        print(answer.text)
    else:
        templates = service.get("prefetch") or {}
        head = f"{service['id']} ({service['hook']}): {answer.status_code} in {milliseconds:.0f} ms"
        print(terminal.paint(terminal.line(head), "bold", color=options.color))
        print(terminal.prefetch_line(templates, call["prefetch"]))
    if not fine:
        print(f"Refused ({answer.status_code}): {_words(told)}", file=sys.stderr)
    elif options.output == "cards":
        _print_cards(cards or [], options)
    if options.why:
        print(_why(call["hookInstance"], options))
    return fine


def _why(hook_instance: str, options: Options) -> str:
    """Why the call was answered as it was."""
    try:
        media = "application/json" if options.output == "json" else "text/plain"
        return operators.page(options.url, f"/trace/{hook_instance}", {}, options.token_file, media)
    except operators.NoPage as error:
        raise DemoError(f"Why it was answered so cannot be told: {error}", error.code) from None


def _words(told: object) -> str:
    return " / ".join(terminal.outcome_lines(told)) or "the answer is neither cards nor an OperationOutcome"


def _print_cards(cards: list[Any], options: Options) -> None:
    if not cards:
        print("No card: the service answered with an empty list, it has nothing to say.")
    for card in cards:
        if isinstance(card, Mapping):
            print()
            width = terminal.width_of_terminal()
            print("\n".join(terminal.card_lines(card, color=options.color, width=width)))
    print()


def now() -> date:
    """The day of the call, in UTC as the services count days."""
    return datetime.now(UTC).date()
