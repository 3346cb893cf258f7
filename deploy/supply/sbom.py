"""The bill of materials of one image, as CycloneDX 1.6 JSON, from the environment that the build has made.

Run by the interpreter beside which cyclonedx-bom is installed, in the build of an image and by `make sbom`:

    python sbom.py --python /app/bin/python --package gateway --pins requirements/runtime.txt --output sbom.cdx.json

It lists the Python packages with versions, licenses and who needs whom. What the base image brings (Python itself, the
Debian packages) is not in it: scan the image for that. Exit status 1: the bill is not what the pins say; FAULT lines
tell why, and nothing is written.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name
from pins import Pin, pins

OURS: Final = "dystonia-cds-"
SUPPLIER: Final = {"name": "dystonia-cds project"}
STATED: Final = {"protobuf": "BSD-3-Clause"}
"""What packages say of their license in words that the tool leaves out ("3-Clause BSD License")."""


def listed(python: Path) -> dict[str, Any]:
    """What cyclonedx-py finds in the environment of an interpreter.

    Raises:
        RuntimeError: it failed, with what it said last.
    """
    tool = Path(sys.executable).with_name("cyclonedx-py")
    command = [
        tool,
        "environment",
        "--no-validate",
        "--spec-version=1.6",
        "--output-format=JSON",
        "--output-file=-",
        python,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def finished(document: Mapping[str, Any], package: str) -> dict[str, Any]:
    """The bill with our package as its subject, and without the folders of the machine that built it.

    Args:
        document: what `listed` returns.
        package: content, screening or gateway.

    Raises:
        LookupError: our package is not installed there.
    """
    name = OURS + package
    components = [_with_license(_without_folders(one)) for one in document["components"]]
    subjects = [one for one in components if canonicalize_name(one["name"]) == name]
    if len(subjects) != 1:
        raise LookupError(f"{name} is not installed there")
    subject = {**subjects[0], "type": "application", "supplier": SUPPLIER}
    return {
        **document,
        "metadata": {**document["metadata"], "component": subject},
        "components": [one for one in components if one is not subjects[0]],
    }


def _without_folders(component: Mapping[str, Any]) -> dict[str, Any]:
    references = [
        {**one, "url": PurePosixPath(urlsplit(one["url"]).path).name} if one["url"].startswith("file:") else one
        for one in component.get("externalReferences", ())
    ]
    return {**component, **({"externalReferences": references} if references else {})}


def _with_license(component: Mapping[str, Any]) -> dict[str, Any]:
    said = STATED.get(canonicalize_name(component["name"]))
    told = component.get("licenses") or ([{"license": {"id": said, "acknowledgement": "declared"}}] if said else [])
    return {**component, **({"licenses": told} if told else {})}


def against_the_schema(document: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a bill in the eyes of CycloneDX."""
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415 - only where the tool is installed
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415

    if wrong := JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)):
        yield f"the schema of CycloneDX 1.6: {wrong}"


def against_the_pins(document: Mapping[str, Any], pinned: list[Pin]) -> Iterator[str]:
    """What is in a bill and not pinned, or the other way round, and what has no license."""
    found = {(canonicalize_name(one["name"]), one["version"]) for one in document["components"]}
    wanted = {(pin.name, pin.version) for pin in pinned if pin.needed}
    for name, version in sorted(wanted - found):
        yield f"{name} {version} is pinned, but not in the environment"
    for name, version in sorted(found - wanted):
        if not name.startswith(OURS):
            yield f"{name} {version} is in the environment, but not pinned"
    for one in [document["metadata"]["component"], *document["components"]]:
        if not one.get("licenses"):
            yield f"{one['name']} states no license"


def main(arguments: list[str]) -> int:
    """Write the bill, if it is what the pins say."""
    parser = argparse.ArgumentParser(prog="sbom", description=__doc__.partition("\n")[0])
    parser.add_argument("--python", type=Path, required=True, help="the interpreter of the environment")
    parser.add_argument("--package", required=True, choices=["content", "screening", "gateway"])
    parser.add_argument(
        "--pins", type=Path, action="append", required=True, help="a requirement file that it was made from"
    )
    parser.add_argument("--output", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    document = finished(listed(chosen.python), chosen.package)
    found = [
        *against_the_schema(document),
        *against_the_pins(document, [pin for file in chosen.pins for pin in pins(file)]),
    ]
    for fault in found:
        print(f"FAULT {chosen.package}: {fault}")
    if found:
        return 1
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"{chosen.output}: {len(document['components'])} packages in {chosen.package}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
