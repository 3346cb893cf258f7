"""Under which licenses the pinned packages are, from their own metadata, and whether we may pass them on."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageMetadata, distributions
from pathlib import Path
from typing import Any

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.utils import canonicalize_name
from pins import Pin

_LONGEST = 60
"""In `License` some packages put the whole text: that is no name of a license."""


@dataclass(frozen=True, order=True)
class Listed:
    """A line of the license list.

    Attributes:
        name, version: of the package.
        license: an SPDX expression; empty if nobody can tell.
        shipped: whether it is in an image.
    """

    name: str
    version: str
    license: str
    shipped: bool


def installed(folders: Iterable[Path]) -> dict[tuple[str, str], Distribution]:
    """The distributions in these folders by canonical name and version."""
    found = distributions(path=[str(folder) for folder in folders])
    return {(canonicalize_name(one.metadata["Name"]), one.version): one for one in found}


def stated(distribution: Distribution, policy: Mapping[str, Any]) -> str:
    """The SPDX expression that a package states; empty if none, or several without saying how they join."""
    metadata = distribution.metadata
    classifiers = [one for one in metadata.get_all("Classifier") or [] if one.startswith("License :: OSI Approved ::")]
    free = _field(metadata, "License").strip()
    candidates = [_field(metadata, "License-Expression"), free if len(free) <= _LONGEST else ""]
    if len(classifiers) == 1:
        candidates.append(classifiers[0].rpartition(" :: ")[2])
    candidates.append(policy["read"].get(canonicalize_name(metadata["Name"]), ""))
    return next(filter(None, (_spdx(one, policy["spelled"]) for one in candidates)), "")


def _field(metadata: PackageMetadata, name: str) -> str:
    return metadata[name] if name in metadata else ""  # noqa: SIM401  it has no get


def _spdx(text: str, spelled: Mapping[str, str]) -> str:
    try:
        return canonicalize_license_expression(spelled.get(text, text))
    except InvalidLicenseExpression:
        return ""


def of_python(pinned: Iterable[tuple[Pin, bool]], found: Mapping[tuple[str, str], Distribution],
              policy: Mapping[str, Any]) -> Iterator[Listed]:  # fmt: skip
    """The line of each pin that is needed here.

    Args:
        pinned: pins, and whether each is in an image.
        found: as `installed` has it.
        policy: the table `licenses` of policy.toml.

    Raises:
        LookupError: a package that is needed is not installed, so that nobody can tell.
    """
    for pin, shipped in pinned:
        if not pin.needed:
            continue
        if (pin.name, pin.version) not in found:
            raise LookupError(f"{pin.name} {pin.version} is not installed: run make venv")
        yield Listed(pin.name, pin.version, stated(found[pin.name, pin.version], policy), shipped)


def of_npm(lock: Path, spelled: Mapping[str, str]) -> Iterator[Listed]:
    """The line of each package in a package-lock.json; nothing of these is in an image."""
    for place, entry in json.loads(lock.read_text(encoding="utf-8"))["packages"].items():
        if place:
            name = place.rpartition("node_modules/")[2]
            yield Listed(f"{name} (npm)", entry["version"], _spdx(entry.get("license", ""), spelled), shipped=False)


def faults(listed: Iterable[Listed], policy: Mapping[str, Any]) -> Iterator[str]:
    """What may not stay so, in words that name the package."""
    for one in listed:
        accepted = {*policy["shipped"], *(() if one.shipped else policy["used"])}
        if not one.license:
            yield f"{one.name} {one.version}: nobody can tell its license; read it, and say so in policy.toml"
        elif one.license not in accepted:
            yield f"{one.name} {one.version}: {one.license} is not on the list for what {_is(one)}"


def _is(one: Listed) -> str:
    return "is in an image" if one.shipped else "builds and tests"


def table(listed: Iterable[Listed]) -> str:
    """The list as text, what is in the images first."""
    rows = sorted(set(listed), key=lambda one: (not one.shipped, one))
    lines = [f"{one.name:34} {one.version:18} {'image' if one.shipped else 'tools':7} {one.license}" for one in rows]
    return "\n".join([f"{'package':34} {'version':18} {'where':7} license", *lines]) + "\n"
