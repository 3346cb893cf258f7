"""What the prefetch doctor tells, as one JSON document."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from screening import scopes
from screening.domain.codes import LOINC
from screening.fhir.outcomes import ABSENT, DELIVERED, NONE, PARTIAL, TOO_MANY
from screening.pages.doctor_drift import ALARM, LOOK, STANDARD, departures, errors
from screening.sheet import Group
from screening.snapshots import Whole
from screening.tally import BOUNDS_MS, ClientCounts, KeyCounts, Latency, UnitSeen

_ONE_WORKER: Final = (
    "These are the counts of one worker process only: no directory could be written to (STATE_DIR). Others count on"
    " their own, so ask several times, or set STATE_DIR."
)
_ALL_WORKERS: Final = (
    "The counts of all worker processes of this service since it was started; those of others are up to a second old."
    " Another replica counts on its own."
)


def told(
    whole: Whole, sheet: Sequence[Group], templates: Mapping[str, str], now: datetime, client: str = ""
) -> dict[str, Any]:
    """Everything, or everything about one client.

    Args:
        whole: the counts.
        sheet: `screening.sheet.groups` of the templates.
        templates: prefetch key -> query.
        now: the moment of the answer.
        client: only this one, when it is not empty.
    """
    counts = whole.counts
    chosen = {name: one for name, one in sorted(counts.clients.items()) if not client or name == client}
    return {
        "since": _moment(counts.since),
        "at": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "processes": whole.processes,
        "complete": not whole.alone,
        "about": _ONE_WORKER if whole.alone else _ALL_WORKERS,
        "client": client,
        "clients": [_client(name, one, sheet, templates) for name, one in chosen.items()],
        "sheet": [_group(group) for group in sheet],
        "scopes": {
            "v1": scopes.together(row.scopes_v1 for group in sheet for row in group.rows),
            "v2": scopes.together(row.scopes_v2 for group in sheet for row in group.rows),
            "narrow": scopes.together(row.scopes_narrow for group in sheet for row in group.rows),
        },
    }


def _client(name: str, counts: ClientCounts, sheet: Sequence[Group], templates: Mapping[str, str]) -> dict[str, Any]:
    drift = departures(counts, templates)
    codes = sorted(counts.codes.values(), key=lambda seen: (-seen.count, seen.system, seen.code))
    local = [_code(seen) for seen in codes if seen.system not in STANDARD]
    return {
        "client": name,
        "calls": counts.calls,
        "lookedInto": counts.inspected,
        "inOrder": not any(one.weight in (ALARM, LOOK) for one in drift),
        "keys": [
            _key(row.key, counts.names.get(row.key, row.key), counts.keys.get(row.key, KeyCounts()))
            for group in sheet
            for row in group.rows
        ],
        "drift": [asdict(one) for one in drift],
        "localCodes": local,
        "standardCodes": [_code(seen) for seen in codes if seen.system in STANDARD],
        "codesWithoutSystem": counts.codes_without_system,
        "codesNotShown": counts.unshown_codes,
        "units": [_unit(seen) for seen in sorted(counts.units.values(), key=lambda one: -one.count)],
        "conceptMap": concept_map(name, local) if local else None,
    }


def _key(key: str, site_key: str, counts: KeyCounts) -> dict[str, Any]:
    return {
        "key": key,
        "siteKey": site_key,
        "prefetch": _outcomes(counts.prefetch),
        "withData": counts.answered,
        "ehr": {**_outcomes(counts.ehr), "latency": _latency(counts.latency)},
    }


def _outcomes(outcomes: Mapping[str, int]) -> dict[str, Any]:
    failed = errors(outcomes)
    return {
        "hit": outcomes.get(DELIVERED, 0),
        "null": outcomes.get(NONE, 0),
        "absent": outcomes.get(ABSENT, 0),
        "partial": outcomes.get(PARTIAL, 0) + outcomes.get(TOO_MANY, 0),
        "error": sum(failed.values()),
        "errors": failed,
    }


def _latency(latency: Latency) -> dict[str, Any] | None:
    """In milliseconds; a percentile is the upper end of its bucket, null above the last one."""
    if not latency.count:
        return None
    return {
        "count": latency.count,
        "meanMs": round(latency.total_ms / latency.count, 1),
        "p50Ms": latency.within(0.5),
        "p95Ms": latency.within(0.95),
        "longestBoundMs": BOUNDS_MS[-1],
    }


def _code(seen: Any) -> dict[str, Any]:
    return {"system": seen.system, "code": seen.code, "key": seen.key, "results": seen.count}


def _unit(seen: UnitSeen) -> dict[str, Any]:
    return {"analyte": seen.analyte, "unit": seen.unit, "reason": seen.reason, "results": seen.count}


def _group(group: Group) -> dict[str, Any]:
    return {
        "title": group.title,
        "keys": [
            {
                "key": row.key,
                "query": row.query,
                "withoutDates": row.undated,
                "resource": row.resource,
                "why": row.why,
                "without": row.without,
                "scopes": {"v1": row.scopes_v1, "v2": row.scopes_v2, "narrow": row.scopes_narrow},
            }
            for row in group.rows
        ],
    }


def concept_map(client: str, codes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A ConceptMap to fill in: LOCAL_CODE_MAPS takes it as it is, and leaves out what nobody has filled in.

    For each code that means something to a rule, put the LOINC code and `equivalent`; delete the others.
    """
    systems = dict.fromkeys(code["system"] for code in codes)
    return {
        "resourceType": "ConceptMap",
        "name": "LocalCodesForDystoniaCds",
        "title": f"Result codes of {client}, to be filled in",
        "status": "draft",
        "group": [
            {
                "source": system,
                "target": LOINC,
                "element": [
                    {
                        "code": code["code"],
                        "target": [{"equivalence": "unmatched", "comment": f"Came under {code['key']}"}],
                    }
                    for code in codes
                    if code["system"] == system
                ],
            }
            for system in systems
        ],
    }


def _moment(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
