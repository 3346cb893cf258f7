"""The commands of docs/backup.md, run as they stand there; and what an upgrade of the gateway does to the door."""

import re
import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from e2e.ehr import DISCOVERY, Ehr
from e2e.engine import REPLICAS, Compose
from e2e.replicas import ANSWERED
from e2e.site import ROOT

DOCUMENT: Final = ROOT / "docs" / "backup.md"
_COUNT: Final = "SELECT count(*) FROM screening_feedback"


def commands(heading: str, document: Path = DOCUMENT) -> str:
    """The commands under a heading of a document.

    Raises:
        LookupError: there is no such heading, or no block of commands under it.
    """
    _, found, after = document.read_text("utf-8").partition(f"\n## {heading}\n")
    blocks = re.findall(r"^```\n(.*?)^```$", after.partition("\n## ")[0], re.MULTILINE | re.DOTALL)
    if not found or not blocks:
        raise LookupError(f"{document.name} has no commands under {heading!r}")
    return "".join(blocks)


def faults(ehr: Ehr, compose: Compose, today: date) -> Iterator[str]:
    """Yield what went wrong."""
    yield from _backup(ehr, compose, today)
    yield from _gateway(ehr, compose)


def _answers(compose: Compose) -> int:
    said = compose.run("exec", "-T", "database", "psql", "-U", "postgres", "-d", "screening", "-Atc", _COUNT)
    return int(said)


def _backup(ehr: Ehr, compose: Compose, today: date) -> Iterator[str]:
    """What was answered before the backup is held back after the restore; what came in between is gone."""
    kept, late = ({**ANSWERED, "id": f"backup-{uuid.uuid4().hex[:8]}"} for _ in range(2))
    ehr.override(kept, today)
    with TemporaryDirectory() as folder:
        compose.shell(commands("To back up PostgreSQL"), Path(folder))
        before = _answers(compose)
        ehr.override(late, today)
        if _answers(compose) <= before:
            yield "an answer after the backup is not in the database"
        compose.shell(commands("To restore PostgreSQL"), Path(folder))
    compose.wait_until_healthy(REPLICAS)
    if (found := _answers(compose)) != before:
        yield f"{found} answers are there after the restore, and {before} when the backup was made"
    if ehr.still_shown("B12", kept, today):
        yield "after the restore an answered card comes again"
    if not ehr.still_shown("B12", late, today):
        yield "after the restore a card is held back whose answer is gone"


def _gateway(ehr: Ehr, compose: Compose) -> Iterator[str]:
    """While there is no gateway the edge says so; a new one is found wherever it is."""
    compose.run("stop", "gateway")
    answer = ehr.send("GET", DISCOVERY)
    if answer.status_code != 503 or answer.json()["resourceType"] != "OperationOutcome":
        yield f"without a gateway: {answer.status_code} {answer.text[:200]}"
    if not answer.headers.get("Retry-After"):
        yield "without a gateway: no Retry-After"
    compose.run("up", "-d", "--no-deps", "--force-recreate", "gateway")
    compose.wait_until_healthy(["gateway", "edge"])
    ehr.ask(DISCOVERY)
    compose.run("kill", "-s", "HUP", "edge")
    ehr.ask(DISCOVERY)
