"""`make rehearse`: release a made-up version from a temporary clone, use what was built, keep nothing.

The clone gets what a release needs (numbers, a dated section of the changelog) as a commit of its own; this tree is
only read. Images are built where a container engine answers, bills of materials where build/supply is there.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import artifacts
import changelog
from preconditions import PACKAGES

ROOT: Final = Path(__file__).resolve().parents[2]
VERSION: Final = "999.0.0"
_SECONDS: Final = 1800


def main(leave_out: Sequence[str]) -> int:
    """Rehearse, without what is named (bills, images); returns the exit status of what failed, or 0."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "clone")
        _run("git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone))
        _numbered(clone)
        supply = ROOT / "build" / "supply"
        if supply.is_dir():
            (clone / "build").mkdir()
            (clone / "build" / "supply").symlink_to(supply)
        named = [*leave_out] if supply.is_dir() else [*leave_out, "bills"]
        given = [part for one in named for part in ("--leave-out", one)]
        tool = clone / "deploy" / "release" / "release.py"
        done = subprocess.run(  # noqa: S603 - ours
            [sys.executable, str(tool), "--checked", *given, VERSION], cwd=clone, check=False, timeout=_SECONDS
        )
        if done.returncode:
            return done.returncode
        made = clone / "build" / "release" / VERSION
        _run("sha256sum", "--check", "--quiet", "--strict", artifacts.SUMS, at=made)
        _used(made, Path(folder, "installed"))
        facts = json.loads((made / "release.json").read_text("utf-8"))
        if "lacking" not in facts or facts["version"] != VERSION:
            raise RuntimeError(f"release.json is of something else: {facts}")
        _images_removed(made)
        files = [path for path in made.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files) / 1e6
        print(f"rehearsed: {len(files)} files, {size:.1f} MB; nothing was kept")
    return 0


def _numbered(clone: Path) -> None:
    for package, where in PACKAGES.items():
        file = clone / where / "src" / package / "__init__.py"
        file.write_text(
            re.sub(r'(?m)^__version__ = ".*"$', f'__version__ = "{VERSION}"', file.read_text("utf-8")), "utf-8"
        )
    file = clone / changelog.FILE
    text, today = file.read_text("utf-8"), datetime.now(UTC).date()
    first = changelog.sections(text)[0]
    heading = f"## {VERSION} - {today}\n"
    if "unreleased" in first.day.lower():
        text = text.replace(f"## {first.version} - {first.day}\n", heading, 1)
    else:
        text = text.replace(
            f"## {first.version}", f"{heading}\n### Clinical\n\nNo clinical change.\n\n## {first.version}", 1
        )
    file.write_text(text, "utf-8")
    who = ("-c", "user.name=dystonia-cds project", "-c", "user.email=nobody@cds.example", "-c", "commit.gpgsign=false")
    _run("git", *who, "commit", "--quiet", "--all", "--message", f"Release {VERSION}", at=clone)


def _used(made: Path, place: Path) -> None:
    """Install the wheels by the hashes that are told, and ask each package for its version."""
    _run(
        sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--require-hashes",
        "--find-links", str(made), "--target", str(place), "-r", str(made / "dystonia-cds.txt"),
    )  # fmt: skip
    for package in PACKAGES:
        program = f"import {package}; print({package}.__version__, {package}.__file__)"
        told = _run(sys.executable, "-c", program, at=place, environ={"PYTHONPATH": str(place)})
        if told.split() != [VERSION, str(place / package / "__init__.py")]:
            raise RuntimeError(f"the wheel of {package} says {told}")


def _images_removed(made: Path) -> None:
    listed = made / "images.txt"
    if listed.is_file() and shutil.which("docker"):
        _run("docker", "image", "rm", "--force", *(line.split()[0] for line in listed.read_text("utf-8").splitlines()))


def _run(*command: str, at: Path = ROOT, environ: dict[str, str] | None = None) -> str:
    done = subprocess.run(  # noqa: S603 - commands of ours
        command, cwd=at, env={**os.environ, **(environ or {})}, capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} ...: {(done.stdout + done.stderr).strip()[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
