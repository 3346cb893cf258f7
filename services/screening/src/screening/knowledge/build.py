"""Writes the FHIR value sets and the code system of topics: `python -m screening.knowledge.build [--check]`.

The value sets depend on reviewed/codes.json alone, the topics on the registries of workups and order rules.
`--check` writes nothing and exits with 1 when a committed file is not what it should be.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from screening.knowledge import topics
from screening.knowledge.naming import (
    AUTHOR,
    CANONICAL_BASE,
    CHECKER,
    CODE_PREFIX,
    REVIEWED,
    VERIFICATION_LEVEL,
    resource_id,
)

KNOWLEDGE: Final = Path(__file__).parent
PUBLISHER: Final = "dystonia-cds project"


def value_set(name: str, reviewed: Mapping[str, Any]) -> dict[str, Any]:
    """The FHIR R4 ValueSet of one reviewed set."""
    told = reviewed["sets"][name]
    by_system: dict[str, list[dict[str, Any]]] = {}
    for entry in told["codes"]:
        by_system.setdefault(entry["system"], []).append(_concept(entry))
    systems = reviewed["systems"]
    return {
        "resourceType": "ValueSet",
        "id": resource_id(name),
        "extension": [
            {"url": AUTHOR, "valueString": reviewed["author"]},
            {"url": CHECKER, "valueString": reviewed["checker"]},
            {"url": REVIEWED, "valueDate": reviewed["reviewed"]},
        ],
        "url": f"{CANONICAL_BASE}/ValueSet/{resource_id(name)}",
        "version": reviewed["version"],
        "name": name,
        "title": told["title"],
        "status": "draft",
        "experimental": False,
        "date": reviewed["reviewed"],
        "publisher": PUBLISHER,
        "description": _description(told),
        "copyright": "\n\n".join(systems[key]["copyright"] for key in by_system),
        "compose": {
            "include": [{"system": systems[key]["url"], "concept": concepts} for key, concepts in by_system.items()]
        },
    }


def _description(told: Mapping[str, Any]) -> str:
    origin = f" Holds codes of {', '.join(told['derivedFrom'])}." if told.get("derivedFrom") else ""
    return f"{told['title']}. Clinical rules {told['rules']}.{origin}"


def _concept(entry: Mapping[str, Any]) -> dict[str, Any]:
    marks: list[dict[str, Any]] = []
    if entry.get("prefix"):
        marks.append({"url": CODE_PREFIX, "valueBoolean": True})
    if entry["level"] != "V1":
        marks.append({"url": VERIFICATION_LEVEL, "valueCode": entry["level"]})
    concept = {"code": entry["code"], "display": entry["display"]}
    return {"extension": marks, **concept} if marks else concept


def rendered(reviewed: Mapping[str, Any]) -> dict[str, str]:
    """File name -> content of every value set."""
    return {f"{resource_id(name)}.json": _json(value_set(name, reviewed)) for name in reviewed["sets"]}


def rendered_topics(reviewed: Mapping[str, Any]) -> str:
    """The content of the CodeSystem of topics."""
    told = (reviewed[key] for key in ("version", "reviewed", "author", "checker"))
    return _json(topics.code_system(*told))


def _json(resource: Mapping[str, Any]) -> str:
    return json.dumps(resource, ensure_ascii=False, indent=1) + "\n"


def stale(folder: Path, wanted: Mapping[str, str]) -> list[str]:
    """Names of the files that are missing, differ or should not be there."""
    present = {file.name: file.read_text(encoding="utf-8") for file in folder.glob("*.json")}
    return sorted(name for name in {*present, *wanted} if present.get(name) != wanted.get(name))


def write(folder: Path, wanted: Mapping[str, str]) -> list[str]:
    """Brings the folder up to date and says which files changed."""
    folder.mkdir(exist_ok=True)
    changed = stale(folder, wanted)
    for name in changed:
        if name in wanted:
            (folder / name).write_text(wanted[name], encoding="utf-8")
        else:
            (folder / name).unlink()
    return changed


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m screening.knowledge.build", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when a file is stale")
    options = parser.parse_args(arguments)
    reviewed = json.loads((KNOWLEDGE / "reviewed" / "codes.json").read_text(encoding="utf-8"))
    folder, wanted = KNOWLEDGE / "valuesets", rendered(reviewed)
    changed = stale(folder, wanted) if options.check else write(folder, wanted)
    changed = [f"valuesets/{name}" for name in changed]
    topics_file, wanted_topics = KNOWLEDGE / "codesystems" / "topics.json", rendered_topics(reviewed)
    if not topics_file.exists() or topics_file.read_text(encoding="utf-8") != wanted_topics:
        changed.append("codesystems/topics.json")
        if not options.check:
            topics_file.parent.mkdir(exist_ok=True)
            topics_file.write_text(wanted_topics, encoding="utf-8")
    for name in changed:
        sys.stdout.write(f"{'stale' if options.check else 'wrote'}: {name}\n")
    return 1 if options.check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
