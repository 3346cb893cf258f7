"""The commands of docs/backup.md and of a rollback, run as they stand there; and what a new gateway does."""

import json
import re
import tarfile
import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from e2e.ehr import DISCOVERY, Ehr
from e2e.engine import PACKAGES, REPLICAS, Compose
from e2e.replicas import ANSWERED
from e2e.site import CLIENT, ROOT

DOCUMENT: Final = ROOT / "docs" / "backup.md"
ROLLBACK: Final = ROOT / "docs" / "deploy.md"
_COUNT: Final = "SELECT count(*) FROM screening_feedback"
_LATER: Final = "UPDATE screening_schema SET version_num = '9999'"
_ROLLED_BACK_WITHIN_S: Final = 240.0


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
    yield from _audit(ehr, compose)
    yield from _rollback(ehr, compose, today)


def _sql(compose: Compose, text: str) -> str:
    return compose.run("exec", "-T", "database", "psql", "-U", "postgres", "-d", "screening", "-Atc", text)


def _answers(compose: Compose) -> int:
    return int(_sql(compose, _COUNT))


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


def _audit(ehr: Ehr, compose: Compose) -> Iterator[str]:
    """What was moved away is in the archive; the next line opens a new file."""
    with TemporaryDirectory() as folder:
        compose.shell(commands("To keep the audit trail"), Path(folder))
        with tarfile.open(Path(folder) / "audit.tar") as archive:
            files = [archive.extractfile(one) for one in archive.getmembers()]
            clients = {json.loads(line).get("client") for file in files if file for line in file}
    if CLIENT not in clients:
        yield f"the archive of the audit trail knows {clients}"
    ehr.ask(DISCOVERY)
    if CLIENT not in compose.run("exec", "-T", "gateway", "cat", "/audit/audit.jsonl"):
        yield "after the audit trail was moved away, there is no new one"


def _rollback(ehr: Ehr, compose: Compose, today: date) -> Iterator[str]:
    """Tables of a later version: the former release takes over, and answers without memory.

    The last that is done here: the former release stays.
    """
    former = f"{compose.release}-former"
    images = [f"dystonia-cds/{package}:{former}" for package in PACKAGES]
    for package, image in zip(PACKAGES, images, strict=True):
        compose.engine("tag", f"dystonia-cds/{package}:{compose.release}", image)
    _sql(compose, _LATER)
    replaced = ("content", *REPLICAS, "gateway")
    try:
        compose.shell(f"export RELEASE={former}\n{commands('Rollback', ROLLBACK)}", ROOT, _ROLLED_BACK_WITHIN_S)
        compose.wait_until_healthy([*replaced, "edge"])
        for service in replaced:
            if not (found := compose.state(service)["Config"]["Image"]).endswith(former):
                yield f"after a rollback {service} is of {found}"
        scenario = {**ANSWERED, "id": f"rollback-{uuid.uuid4().hex[:8]}"}
        if "B12" not in ehr.modules(scenario, today):
            yield "after a rollback to a release that does not know the tables no card comes"
    finally:
        compose.engine("rmi", "-f", *images)
