"""The packages that our requirement files pin: name, version, and where they are needed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


@dataclass(frozen=True, order=True)
class Pin:
    """A pinned package.

    Attributes:
        name: canonical, such as `pyjwt`.
        version: exactly this one.
        needed: whether it is needed on this platform and by this Python.
    """

    name: str
    version: str
    needed: bool = True


def pins(path: Path) -> Iterator[Pin]:
    """What a file pins, one per package.

    Raises:
        ValueError: a package that is not pinned to one version, or has no hash.
    """
    for entry in path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        text, *hashes = entry.split(" --hash=")
        if not text.strip() or text.startswith("#"):
            continue
        requirement = Requirement(text.strip())
        versions = [one.version for one in requirement.specifier if one.operator == "=="]
        if len(requirement.specifier) != 1 or not versions or not hashes:
            raise ValueError(f"{path.name}: {requirement.name} is not pinned to one version with hashes")
        needed = requirement.marker is None or requirement.marker.evaluate()
        yield Pin(canonicalize_name(requirement.name), versions[0], needed)
