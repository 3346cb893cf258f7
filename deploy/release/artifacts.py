"""What a release consists of: archives, packages, bills of materials, images, and the sums over all of it."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from preconditions import PACKAGES
from repository import Repository

SUMS: Final = "SHA256SUMS"
IMAGES: Final = ("content", "screening", "gateway")
_LICENSES: Final = ("LICENSE", "NOTICE")
_BUILD_SECONDS: Final = 120
_BILLS_SECONDS: Final = 600
_IMAGE_SECONDS: Final = 900


class NotBuilt(Exception):
    """A part of the release could not be made; with what to do."""


def packages(repository: Repository, out: Path) -> None:
    """Sdist and wheel of each package, from the last commit alone, built twice: the bytes must be the same.

    The wheel is made from the sdist, so that what is missing there cannot be in the wheel. The time in the archives is
    that of the commit. LICENSE and NOTICE go into each.

    Raises:
        NotBuilt: a build failed, or the second made other bytes.
    """
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "first"), Path(folder, "second")
        for place in (first, second):
            _built(repository, place)
        differing = [name for name, sum_ in sums(first).items() if sums(second).get(name) != sum_]
        if differing or set(sums(first)) != set(sums(second)):
            raise NotBuilt(f"built twice, and not the same: {', '.join(differing) or 'other files'}")
        for name in sums(first):
            shutil.copyfile(first / name, out / name)


def _built(repository: Repository, out: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        repository.export(tree)
        for package, where in PACKAGES.items():
            for name in _LICENSES:
                shutil.copyfile(tree / name, tree / where / name)
            command = [
                str(Path(sys.executable).with_name("uv")), "build", "--quiet", "--offline", "--no-config",
                "--no-build-isolation", "--no-create-gitignore", "--python", sys.executable, "--out-dir", str(out),
                str(tree / where),
            ]  # fmt: skip
            environ = {**os.environ, "SOURCE_DATE_EPOCH": str(repository.committed_at())}
            _run(command, f"the package {package}", tree, _BUILD_SECONDS, environ)


def wheels_by_hash(out: Path, version: str) -> str:
    """A requirement file of our wheels, each with its hash."""
    lines = []
    for package in PACKAGES:
        wheel = out / f"dystonia_cds_{package}-{version}-py3-none-any.whl"
        lines.append(f"dystonia-cds-{package}=={version} --hash=sha256:{_sum(wheel)}\n")
    return "".join(lines)


def bills(root: Path, out: Path) -> None:
    """The bill of materials of each image, made anew (`make sbom`).

    Raises:
        NotBuilt: it could not be made, or is not what is pinned.
    """
    _run([sys.executable, "deploy/supply/images.py"], "the bills of materials", root, _BILLS_SECONDS)
    out.mkdir()
    for package in IMAGES:
        shutil.copyfile(root / "build" / "sbom" / f"{package}.cdx.json", out / f"{package}.cdx.json")


def engine_answers() -> bool:
    """Whether there is a container engine."""
    try:
        done = subprocess.run(["docker", "version"], capture_output=True, check=False, timeout=30)  # noqa: S607
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def images(repository: Repository, version: str, out: Path) -> None:
    """Build the images from the last commit alone, name them, write down what they are, and what is in them.

    `images.txt` has name and id; the bill of an image lies in it, and goes to `out` as `image-<package>.cdx.json`.

    Raises:
        NotBuilt: the engine failed.
    """
    told: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        repository.export(tree)
        base = os.environ.get("PYTHON_IMAGE", "")
        for package in IMAGES:
            name, what = f"dystonia-cds/{package}:{version}", f"the image {package}"
            command = ["docker", "build", "--quiet", "--file", "deploy/Dockerfile", "--build-arg", f"PACKAGE={package}"]
            command += ["--build-arg", f"BASE={base}"] if base else []
            command += ["--label", f"org.opencontainers.image.version={version}"]
            command += ["--label", f"org.opencontainers.image.revision={repository.commit()}", "--tag", name, "."]
            _run(command, what, tree, _IMAGE_SECONDS)
            told.append(f"{name} {_run(['docker', 'inspect', '--format', '{{.Id}}', name], what, tree, 60).strip()}\n")
            bill = ["docker", "run", "--rm", "--network", "none", name, "cat", "/app/sbom.cdx.json"]
            (out / "sbom").mkdir(exist_ok=True)
            (out / "sbom" / f"image-{package}.cdx.json").write_text(_run(bill, what, tree, 60), "utf-8")
    (out / "images.txt").write_text("".join(told), "utf-8")


def sums(folder: Path) -> Mapping[str, str]:
    """SHA-256 of each file, by its path in the folder."""
    return {str(path.relative_to(folder)): _sum(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def write_sums(folder: Path) -> int:
    """Write SHA256SUMS, as sha256sum --check reads it; returns how many files it is about."""
    found = sums(folder)
    (folder / SUMS).write_text("".join(f"{sum_}  {name}\n" for name, sum_ in found.items()), "utf-8")
    return len(found)


def _sum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _run(
    command: Iterable[str], what: str, folder: Path, seconds: float, environ: Mapping[str, str] | None = None
) -> str:
    command = [*command]
    try:
        done = subprocess.run(  # noqa: S603 - commands of ours
            command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=seconds
        )
    except OSError as error:
        raise NotBuilt(f"{what}: {Path(command[0]).name} cannot be run ({type(error).__name__})") from error
    except subprocess.TimeoutExpired as error:
        raise NotBuilt(f"{what}: not done within {seconds:g} s") from error
    if done.returncode:
        raise NotBuilt(f"{what}: {(done.stdout + done.stderr).strip()[-2000:]}")
    return done.stdout
