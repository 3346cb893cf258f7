"""`make kubernetes`: render all of deploy/kubernetes, and hold each document to the schemas of two Kubernetes versions.

Rendered is by a kubectl of 1.27 or newer: the one that KUBECTL names, else that on the path, else that in
build/kubernetes (.ci/kubectl puts one there). Without one the sources are checked as they are, and the last line says
so; with REQUIRE_KUBECTL=1 that is a failure. SITE names a further kustomization, such as a site's own. What was
rendered is in build/kubernetes/rendered, but for what SITE has: there are secrets in it. Exit status 0: all well, 1:
something is wrong.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import yaml
from kubernetes_validate import utils
from promises import SECRETS, Document, faults

HERE: Final = Path(__file__).parent
BUILD: Final = HERE.parents[1] / "build" / "kubernetes"
SETS: Final = (
    "base",
    "overlays/small",
    "overlays/large",
    "overlays/monitoring",
    "overlays/tracing",
    "overlays/site-example",
)
VERSIONS: Final = ("1.27", "1.37")
"""The oldest on which all that is used here is switched on, and the newest that the tool knows."""
OLDEST_KUBECTL: Final = (1, 27)
_WITHIN_S: Final = 60


def kubectl() -> str | None:
    """A kubectl that renders what is here; None if there is none."""
    for named in (os.environ.get("KUBECTL", ""), shutil.which("kubectl") or "", str(BUILD / "kubectl")):
        if named and Path(named).is_file():
            command = [named, "version", "--client", "-o", "json"]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_WITHIN_S)  # noqa: S603
            found = re.search(r'"gitVersion": "v(\d+)\.(\d+)', done.stdout)
            if found and (int(found[1]), int(found[2])) >= OLDEST_KUBECTL:
                return named
    return None


def documents(text: str) -> list[Document]:
    """The documents in a text."""
    return [one for one in yaml.safe_load_all(text) if one]


def rendered(tool: str, folder: Path) -> str:
    """What kustomize makes of a folder.

    Raises:
        subprocess.CalledProcessError: it refuses; its words are on standard error.
    """
    command = [tool, "kustomize", str(folder)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=_WITHIN_S).stdout  # noqa: S603


def copied(into: Path) -> Path:
    """The sources with a folder of secrets that are none, as `site-example` wants it; returns where they are."""
    left_out = shutil.ignore_patterns("secrets", "*.py", "__pycache__")
    for folder in ("kubernetes", "monitoring"):
        shutil.copytree(HERE.parent / folder, into / folder, ignore=left_out)
    secrets = into / "kubernetes" / "overlays" / "site-example" / "secrets"
    secrets.mkdir()
    for name in SECRETS:
        (secrets / name.replace("-", ".")).write_text("no secret, for a check\n", encoding="utf-8")
    return into / "kubernetes"


def sources(folder: Path) -> list[Document]:
    """The whole documents of a folder, without what patches, generators and other folders make of them."""
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8")).get("resources", ())
    files = [folder / name for name in listed if (folder / name).is_file()]
    return [one for path in files for one in documents(path.read_text(encoding="utf-8"))]


def misfits(one: Document, version: str) -> Iterator[str]:
    """What the strict schema of a version says against a document."""
    called = f"{one['kind']} {one['metadata']['name']}"
    try:
        utils.validate(one, version, strict=True)
    except utils.ValidationError as error:
        yield f"Kubernetes {version}: {called}: {'.'.join(map(str, error.path))}: {error.message}"
    except (utils.SchemaNotFoundError, utils.InvalidSchemaError) as error:
        yield f"Kubernetes {version}: {called}: {error.message}"


def main() -> int:
    """Run all checks; returns the exit code."""
    tool = kubectl()
    wrong: list[str] = []
    checked: dict[str, Document] = {}
    (BUILD / "rendered").mkdir(parents=True, exist_ok=True)
    site = [Path(os.environ["SITE"]).resolve()] if os.environ.get("SITE") else []
    with tempfile.TemporaryDirectory() as temporary:
        root = copied(Path(temporary))
        folders = {**{name: root / name for name in SETS}, **{str(path): path for path in site}}
        for name, folder in folders.items():
            try:
                text = rendered(tool, folder) if tool else ""
            except subprocess.CalledProcessError:
                wrong.append(f"{name}: cannot be rendered")
                continue
            held = documents(text) if tool else sources(folder)
            if tool and folder not in site:
                (BUILD / "rendered" / f"{folder.name}.yaml").write_text(text, encoding="utf-8")
            if tool:
                wrong += [f"{name}: {fault}" for fault in faults(held)]
            checked |= {json.dumps(one, sort_keys=True, default=str): one for one in held}
            sys.stdout.write(f"{name}: {len(held)} documents {'rendered' if tool else 'read, not rendered'}\n")
    for version in VERSIONS:
        wrong += [words for one in checked.values() for words in misfits(one, version)]
    return told(tool, wrong, len(checked), len(folders))


def told(tool: str | None, wrong: list[str], count: int, sets: int) -> int:
    """Say what came of it; returns the exit code."""
    versions = " and ".join(VERSIONS)
    if wrong:
        sys.stdout.write("".join(f"{words}\n" for words in wrong) + f"{len(wrong)} faults\n")
        return 1
    if tool:
        sys.stdout.write(f"{count} different documents of {sets} kustomizations are valid for Kubernetes {versions}\n")
        return 0
    sys.stdout.write(
        f"{count} documents are valid for Kubernetes {versions}. NOT RENDERED: there is no kubectl of"
        f" {'.'.join(map(str, OLDEST_KUBECTL))} or newer here (Debian trixie has it: apt-get install kubectl)\n"
    )
    return int(os.environ.get("REQUIRE_KUBECTL") == "1")


if __name__ == "__main__":
    sys.exit(main())
