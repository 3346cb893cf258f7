"""What the suite needs of this machine: Chromium, and the rules of axe-core."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

CHROMIUM: Final = "CHROMIUM"
"""The variable that names the browser; without it, it is looked for, and installed where that can be done."""

_NAMES: Final = ("chromium", "chromium-browser")
_PACKAGES: Final = ("chromium", "fonts-dejavu-core", "fonts-liberation")
_INSTALL_WITHIN_S: Final = 300
_AXE: Final = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"


class MissingError(Exception):
    """Something is not here and cannot be installed; one line for the user."""


def chromium() -> str:
    """The path of Chromium, which is installed by apt-get when it is missing and we may.

    Raises:
        MissingError: it is not there.
    """
    if given := os.environ.get(CHROMIUM):
        if not os.access(given, os.X_OK):
            raise MissingError(f"{CHROMIUM}={given} is no program")
        return given
    if (found := _found()) is None and _may_install():
        print("Installing Chromium ...", flush=True)
        _install()
        found = _found()
    if found is None:
        raise MissingError(f"Chromium is not installed (Debian: apt-get install chromium), and {CHROMIUM} names none")
    return found


def _found() -> str | None:
    return next((path for path in map(shutil.which, _NAMES) if path), None)


def _may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _install() -> None:
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *_PACKAGES]
    for one in (["apt-get", "update", "-qq"], command):
        try:
            subprocess.run(  # noqa: S603 - the command is ours
                one, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=_INSTALL_WITHIN_S,
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise MissingError(f"{' '.join(one[:2])} was not done within {_INSTALL_WITHIN_S} s") from None


@cache
def axe() -> str:
    """The text of axe-core.

    Raises:
        MissingError: it is not installed.
    """
    if not _AXE.is_file():
        raise MissingError("axe-core is not installed: make browser does it, with npm")
    return _AXE.read_text("utf-8")
