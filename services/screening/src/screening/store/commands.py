"""The command `screening-store`: bring the store to this version, and forget patients.

screening-store migrate                                 make the tables, or bring them to this version
screening-store forget --patient ID [--client NAME] [--tenant NAME] [--fhir-server URL]
screening-store forget --all-before DATE                what was not shown or answered since that day

Takes IDENTITY_KEY_FILE, and STORE_URL or STATE_DIR, as the screening service does. Exit status: 0 done, 1 the store
cannot be used, 2 the command or a setting is wrong. No patient id is printed, logged or kept.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from marshmallow.validate import Length

from chassis import logs
from chassis.environment import Environment, SettingsError
from screening import servers
from screening.store import settings, upkeep
from screening.store.database import StoreDown
from screening.store.lanes import PAGES
from screening.store.ledger import Store
from screening.store.marks import Marks
from screening.store.rows import Scope
from screening.store.upkeep import Removed

_DOWN: Final = 1
_FAULT: Final = 2
_KEY_LENGTH: Final = 32


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Run the command; the exit status."""
    if argv is None:
        logs.configure("screening-store")
    parser = argparse.ArgumentParser(prog="screening-store", description="The store of the screening service.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    commands.add_parser("migrate", help="make the tables, or bring them to this version")
    forget = commands.add_parser("forget", help="remove everything about a patient, or everything before a day")
    what = forget.add_mutually_exclusive_group(required=True)
    what.add_argument("--patient", help="the id of the patient in the EHR")
    what.add_argument("--all-before", type=_day, metavar="DATE", help="2026-01-31: what is older, of all patients")
    forget.add_argument("--client", default="", help="only as this client knows the patient; else as any")
    forget.add_argument("--tenant", default="", help="only of this tenant; else of any")
    forget.add_argument("--fhir-server", default="", help="only from this FHIR server; else from any")
    given = parser.parse_args(argv)
    try:
        store, marks = _opened(os.environ if environ is None else environ)
    except SettingsError as error:
        return _refuse(str(error), _FAULT)
    if not store.exists:
        return _refuse("settings at fault: neither STORE_URL nor STATE_DIR says where the store is", _FAULT)
    try:
        if not store.prepare():
            return _refuse("the store cannot be opened, or is of a later version than this program", _DOWN)
        if given.command == "migrate":
            return _say("the store is of this version")
        if given.all_before is not None:
            return _say(_told(upkeep.remove_before(store.run, given.all_before)))
        wanted = Scope(given.client, given.tenant, servers.one_name(given.fhir_server))
        keys = store.run(PAGES, lambda connection: upkeep.keys(connection, marks, given.patient, wanted))
        return _say(f"{_told(store.forget(keys))}; looked in {len(keys)} places that patients came from")
    except StoreDown:
        return _refuse("the store cannot be used now; run the command again, it may have been done in part", _DOWN)
    finally:
        store.close()


def _opened(environ: Mapping[str, str]) -> tuple[Store, Marks]:
    env = Environment(environ)
    key = env.str("IDENTITY_KEY", validate=Length(min=_KEY_LENGTH))
    directory = env.str("STATE_DIR", "")
    own = settings.read(env)
    env.finish()
    marks = Marks.of(key.encode())
    return Store(own, Path(directory) if directory else None, marks), marks


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise argparse.ArgumentTypeError("must be a day such as 2026-01-31") from error


def _told(removed: Removed) -> str:
    return f"removed {removed.cards} cards, {removed.answers} answers and {removed.traces} traces"


def _say(words: str) -> int:
    sys.stdout.write(f"{words}\n")
    return 0


def _refuse(words: str, status: int) -> int:
    sys.stderr.write(f"{words}\n")
    return status


if __name__ == "__main__":
    raise SystemExit(main())
