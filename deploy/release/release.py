"""`make release VERSION=1.2.0`: check what must hold, build everything into build/release/1.2.0, say what comes next.

    python release.py [--checked] [--leave-out bills] [--leave-out images] 1.2.0

--checked: `make check` has passed on this commit. Nothing is tagged, pushed or published. Exit status: 0 built, 1 a
part could not be built, 2 refused, with what to change.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import artifacts
import changelog
import preconditions
from artifacts import NotBuilt
from packaging.version import Version
from repository import NoAnswer, Repository

ROOT: Final = Path(__file__).resolve().parents[2]
BILLS, IMAGES = "bills", "images"
_FAILED: Final = 1
_REFUSED: Final = 2
_NEXT: Final = """\
Nothing was tagged, pushed or published. Next:
  1. git tag -s v{version} -m "{version}" {commit}
  2. git push origin v{version}
  3. publish what is in {folder}, with {sums}; the images with docker push, under the name of your registry
  4. tell those who run it: NOTES.md, clinical changes first; docs/upgrade.md says how it is put in place
"""


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make release", description=__doc__.partition("\n")[0])
    parser.add_argument("version", metavar="VERSION")
    parser.add_argument("--checked", action="store_true", help="make check has passed on this commit")
    parser.add_argument("--leave-out", action="append", choices=[BILLS, IMAGES], default=[])
    given = parser.parse_args(arguments)
    repository = Repository(root)
    try:
        today = datetime.now(UTC).date()
        faults = [*preconditions.quick(repository, given.version, today)] or [*preconditions.generated(root)]
        if faults:
            return _refused(given.version, faults)
        if not given.checked:
            print("Checking ...", flush=True)
            if subprocess.run(["make", "check"], cwd=root, check=False).returncode:  # noqa: S607
                return _refused(given.version, ["make check fails; what it says stands above"])
            if changed := repository.changed():
                return _refused(given.version, [f"make check has left {', '.join(changed)}: commit it, or put it away"])
        return _build(repository, given.version, given.leave_out)
    except NoAnswer as error:
        return _refused(given.version, [f"git cannot say what is released: {error}"])
    except NotBuilt as error:
        sys.stderr.write(f"NOT BUILT: {error}\n")
        return _FAILED


def _refused(version: str, faults: Sequence[str]) -> int:
    sys.stderr.write("".join(f"REFUSED: {fault}\n" for fault in faults))
    sys.stderr.write(f"{version} was not built.\n")
    return _REFUSED


def _build(repository: Repository, version: str, leave_out: Collection[str]) -> int:
    """Build into a folder beside the one that is meant, which is there whole or not at all."""
    folder = repository.root / "build" / "release" / version
    making = folder.with_name(f".{version}")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    lacking: list[str] = []
    print("Packages, twice ...", flush=True)
    artifacts.packages(repository, making)
    repository.archive(making / f"dystonia-cds-{version}-source.tar.gz", f"dystonia-cds-{version}")
    (making / "dystonia-cds.txt").write_text(artifacts.wheels_by_hash(making, version), "utf-8")
    shutil.copyfile(repository.root / "requirements" / "runtime.txt", making / "runtime.txt")
    if BILLS in leave_out:
        lacking.append("LEFT OUT: the bills of materials")
    else:
        print("Bills of materials ...", flush=True)
        artifacts.bills(repository.root, making / "sbom")
    if IMAGES in leave_out:
        lacking.append("LEFT OUT: the images")
    elif artifacts.engine_answers():
        print("Images ...", flush=True)
        artifacts.images(repository, version, making)
    elif os.environ.get("REQUIRE_CONTAINER_ENGINE") == "1":
        raise NotBuilt("the images: a container engine is required, and none answers here")
    else:
        lacking.append("NOT BUILT: the images; no container engine answers here (docker version)")
    _facts(repository, version, making, lacking)
    count = artifacts.write_sums(making)
    shutil.rmtree(folder, ignore_errors=True)
    making.rename(folder)
    for line in lacking:
        print(line)
    where = folder.relative_to(repository.root)
    print(f"{count} files and their sums in {where}; sdists and wheels were built twice, with the same bytes")
    print(_NEXT.format(version=version, commit=repository.commit()[:12], folder=where, sums=artifacts.SUMS), end="")
    return 0


def _facts(repository: Repository, version: str, out: Path, lacking: Sequence[str]) -> None:
    """`NOTES.md`: what changed; `release.json`: what this was made of, for machines."""
    found = changelog.sections((repository.root / changelog.FILE).read_text("utf-8"))
    section = next(one for one in found if one.version == version)
    (out / "NOTES.md").write_text(f"# dystonia-cds {version} - {section.day}\n\n{section.text}\n", "utf-8")
    before = preconditions.former(repository, Version(version))
    facts = {
        "version": version,
        "date": section.day,
        "commit": repository.commit(),
        "sourceDateEpoch": repository.committed_at(),
        "rulesVersion": preconditions.rules_version(repository.root),
        "storeSchema": max(path.stem for path in (repository.root / preconditions.MIGRATIONS).glob("v*.py"))[1:],
        "releaseBefore": None if before is None else str(before),
        "builtWith": f"Python {platform.python_version()}",
        "lacking": list(lacking),
    }
    (out / "release.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
