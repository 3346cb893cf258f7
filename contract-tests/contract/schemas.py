"""The JSON Schemas of the contract, and the one rule of the wire that a schema says badly."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

FOLDER: Final = Path(__file__).parents[1] / "schemas"
_MAY_BE_EMPTY: Final = frozenset({"cards", "services"})


@cache
def _registry() -> Registry[Any]:
    schemas = [json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))]
    return Registry().with_resources((schema["$id"], Resource.from_contents(schema)) for schema in schemas)


@cache
def validator(name: str) -> Draft202012Validator:
    """The validator of `schemas/<name>.json`."""
    schema = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, registry=_registry())


def faults(name: str, document: object) -> list[str]:
    """Where `document` breaks `schemas/<name>.json`, in words; empty when it does not."""
    found = validator(name).iter_errors(document)
    return [f"{error.json_path}: {error.message[:300]}" for error in found]


def nothings(node: object, place: str = "$") -> Iterator[str]:
    """Yield each place that holds null or something empty; only `cards` and `services` may be empty lists."""
    if node is None or node in ("", {}):
        yield place
    elif isinstance(node, dict):
        for key, value in node.items():
            if not (value == [] and place == "$" and key in _MAY_BE_EMPTY):
                yield from nothings(value, f"{place}.{key}")
    elif isinstance(node, list):
        if not node:
            yield place
        for position, item in enumerate(node):
            yield from nothings(item, f"{place}[{position}]")
