"""What a call leaves behind and how the work is shared: bytes of a row in PostgreSQL, CPU and memory of each service.

`python deploy/bench/footprint.py` measures it on this machine within a minute or two, and writes footprint.json, from
which capacity.py computes. It needs a PostgreSQL server to start (Debian: postgresql). Shares and bytes hold on a busy
machine; no time is measured.
"""

import json
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import contenders
import load
import payloads
import processes
import psycopg

from chassis import testing_postgresql
from chassis.testing import KEYS, signed
from screening import services
from screening.app import create_app
from screening.knowledge import loading
from screening.settings import Settings
from screening.store import lanes
from screening.store.settings import StoreSettings
from screening.synthetic import charts, specimens
from tryout.ehr import answer_prefetch

FILE: Final = Path(__file__).parent / "footprint.json"
CALLS: Final[Mapping[str, int]] = {"small": 200, "medium": 200, "large": 30}
MOST: Final = 120
"""Calls of either sort: a table needs some rows before its size says something."""
_TABLES: Final = ("screening_card", "screening_feedback", "screening_trace")
_FRESH: Final[Mapping[str, Mapping[str, str]]] = {
    "screening_card": {"uuid": "md5(uuid || n)::uuid::text", "patient": "md5(patient) || md5(patient || n)"},
    "screening_feedback": {"card": "md5(card || n)::uuid::text"},
    "screening_trace": {
        "hook_instance": "md5(hook_instance || n)::uuid::text", "patient": "md5(patient) || md5(patient || n)",
    },
}  # fmt: skip
"""Table -> column -> what it holds in a copy of a row."""
_OTHER: Final = {"id": "other", "hook": "patient-view", "age": 70, "sex": "female", "conditions": [{"code": "I10"}]}
_OVERRIDDEN: Final = {
    "outcome": "overridden",
    "outcomeTimestamp": specimens.AS_OF.isoformat(),
    "overrideReason": {"reason": {"code": "deferred"}},
}
_SERVICES: Final = ("gateway", "screening", "content")


def main() -> int:
    """Measure, and write the file."""
    for lane in (lanes.READING, lanes.WRITING):
        object.__setattr__(lane, "patience_s", 5.0)  # what is left out on a busy machine would not be counted
    binaries = testing_postgresql.tools()
    if binaries is None:
        sys.stderr.write(f"cannot measure: {testing_postgresql.NOT_HERE}\n")
        return 1
    with testing_postgresql.running(binaries) as server:
        rows = {
            "inScope": _rows(server.url, [one.scenario for one in specimens.specimens()], answered=True),
            "other": _rows(server.url, [_OTHER] * MOST, answered=False),
        }
    found = {"rows": rows, "services": _services()}
    FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(FILE.read_text(encoding="utf-8"))
    return 0


def _rows(url: str, scenarios: list[Mapping[str, Any]], *, answered: bool) -> dict[str, Any]:
    """How many rows calls leave, and the bytes of one with its share of the indexes; `answered`: each card is."""
    settings = Settings(identity_key=bytes(32), internal_keys=tuple(KEYS), store=StoreSettings(url=url))
    client = signed(create_app(settings)).test_client()
    templates = services.prefetch_templates(loading.code_book(), settings.canonical_base)
    by_hook = {one.hook: one.id for one in services.SERVICES}
    calls = cards = 0
    with closing(psycopg.connect(url, autocommit=True)) as database:
        database.execute("TRUNCATE " + ", ".join(_TABLES))
        for call in _calls(scenarios, templates):
            address = f"/cds-services/{by_hook[call['hook']]}"
            answer = client.post(address, json=call)
            if answer.status_code != 200:
                continue  # a specimen whose conditions were not delivered
            shown = json.loads(answer.data)["cards"]
            calls, cards = calls + 1, cards + len(shown)
            if answered and shown:
                items = [{"card": one["uuid"], **_OVERRIDDEN} for one in shown]
                client.post(f"{address}/feedback", json={"feedback": items})
        time.sleep(2)  # traces are written in the background
        for table, fresh in _FRESH.items():
            _multiply(database, table, fresh)
        database.execute("VACUUM ANALYZE")
        sizes = {}
        for table in _TABLES:
            found = database.execute(
                f"SELECT count(*), pg_total_relation_size('{table}') FROM {table}"  # noqa: S608 - names of ours
            ).fetchone()
            count, size = found or (0, 0)
            if count:
                sizes[table.removeprefix("screening_")] = {"rows": count, "bytes": round(size / count)}
    return {"calls": calls, "cards": cards, **sizes}


def _multiply(database: psycopg.Connection[Any], table: str, fresh: Mapping[str, str]) -> None:
    """Let a table have fifty times the rows, each with keys of its own: with few, indexes are mostly empty pages."""
    listed = database.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND column_name <> 'id'", (table,)
    ).fetchall()
    names = [name for (name,) in listed]
    values = ", ".join(fresh.get(name, name) for name in names)
    copied = f"SELECT {values} FROM {table}, generate_series(1, 49) n"  # noqa: S608 - names of ours
    database.execute(f"INSERT INTO {table} ({', '.join(names)}) {copied}")


def _calls(scenarios: list[Mapping[str, Any]], templates: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    today = specimens.AS_OF.date()
    for scenario in scenarios[:: -(-len(scenarios) // MOST)]:
        one = {**scenario, "id": f"{scenario['id']}-{uuid.uuid4().hex[:8]}"}
        yield charts.call(one, templates, today, answer_prefetch)


def _services() -> dict[str, Any]:
    """CPU of each service as a share of a call's, memory after it, and bytes of the answer, by size of the call."""
    with tempfile.TemporaryDirectory() as folder:
        starter = contenders.Starter(Path(folder))
        try:
            stack = starter.stack()
            calls = payloads.load(stack.templates())
            told: dict[str, Any] = {"share": {}, "answerBytes": {}}
            for size, count in CALLS.items():
                target = load.Target(stack.contender.port, stack.contender.path, calls[size].ours)
                told["answerBytes"][size] = len(load.once(target))
                before = _by_service(stack)
                load.counted(target, count, 4)
                spent = {name: cpu - before[name] for name, cpu in _by_service(stack).items()}
                told["share"][size] = {name: round(cpu / sum(spent.values()), 2) for name, cpu in spent.items()}
            pids = _pids(stack)
            told["memoryMB"] = {name: round(processes.pss_mb(pids[name])) for name in _SERVICES}
        finally:
            starter.stop()
    return told


def _by_service(stack: contenders.Stack) -> dict[str, float]:
    return {name: processes.cpu_seconds(pids) for name, pids in _pids(stack).items()}


def _pids(stack: contenders.Stack) -> dict[str, list[int]]:
    found = processes.by_package(stack.services())
    return {name: found[name] for name in _SERVICES}


if __name__ == "__main__":
    sys.exit(main())
