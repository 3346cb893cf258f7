"""`make sbom`: build what each image would hold, as deploy/Dockerfile does it, and write its bill of materials.

The environment is made anew in build/image with the commands of the recipe, the bills go to build/sbom. In an image
the same bill lies at /app/sbom.cdx.json.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
FOLDERS: Final = {"content": "services/content", "screening": "services/screening", "gateway": "gateway"}
PINS: Final = "requirements/runtime.txt"
IMAGE: Final = ROOT / "build" / "image"
WHEELS: Final = ROOT / "build" / "wheels"
INTERPRETER: Final = IMAGE / "bin" / "python"
TOOL: Final = ROOT / "build" / "supply" / "bin" / "python"
BILLS: Final = ROOT / "build" / "sbom"


def run(*command: str | Path) -> None:
    """Run a command at the root of the project; it must succeed, within five minutes."""
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)  # noqa: S603


def pip(*arguments: str | Path) -> None:
    """Run pip of the development install, on the environment of the image."""
    run(sys.executable, "-m", "pip", "--quiet", "--python", INTERPRETER, *arguments)


def main() -> None:
    """Build and bill, one image after the other: they share all but their own package."""
    run(sys.executable, "-m", "venv", "--clear", "--without-pip", IMAGE)
    pip("install", "--no-compile", "--require-hashes", "--only-binary", ":all:", "-r", PINS)
    for path in [*WHEELS.glob("*.whl"), *BILLS.glob("*.json")]:
        path.unlink()
    run(sys.executable, "-m", "pip", "--quiet", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", WHEELS,
        *(f"./{folder}" for folder in ("services/chassis", *FOLDERS.values())))  # fmt: skip
    pip("install", "--no-deps", "--no-index", *WHEELS.glob("*chassis-*.whl"))
    for package in FOLDERS:
        pip("install", "--no-deps", "--no-index", *WHEELS.glob(f"*{package}-*.whl"))
        run(TOOL, "deploy/supply/sbom.py", "--python", INTERPRETER, "--package", package, "--pins", PINS,
            "--output", f"build/sbom/{package}.cdx.json")  # fmt: skip
        pip("uninstall", "--yes", f"dystonia-cds-{package}")


if __name__ == "__main__":
    main()
