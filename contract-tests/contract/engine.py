"""A FHIR R4 server on loopback whose search engine was not written here: `fhir-engine/server.mjs`, run by Node."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests

FOLDER: Final = Path(__file__).parents[1] / "fhir-engine"
TOKEN: Final = "token-of-a-synthetic-engine"  # noqa: S105 - opens a server that lives for one test run


class CannotStart(Exception):
    """Node is missing, the packages are not installed, or the server did not come up; the text says which."""


@dataclass(frozen=True)
class Engine:
    """A running server: its base URL without a slash at the end."""

    url: str

    def load(self, resources: Sequence[dict[str, Any]]) -> None:
        """Replace everything that it holds."""
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]}
        requests.put(f"{self.url}/$load", json=bundle, timeout=30).raise_for_status()


@contextmanager
def running(page: int = 3) -> Iterator[Engine]:
    """The server, with so many entries on a page, until the end of the block.

    Raises:
        CannotStart: it cannot be had here.
    """
    node = shutil.which("node")
    if node is None:
        raise CannotStart("node is not installed")
    if not (FOLDER / "node_modules").is_dir():
        raise CannotStart("the packages of contract-tests/fhir-engine are not installed: make engine does it")
    environ = {"PATH": os.environ.get("PATH", ""), "PORT": "0", "PAGE": str(page), "TOKEN": TOKEN}
    server = subprocess.Popen(  # noqa: S603 - our own script
        [node, "server.mjs"], cwd=FOLDER, env=environ, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        said = server.stdout.readline()  # it reads the definitions first, which takes a few seconds
        if not said.startswith("listening on "):
            raise CannotStart("the server did not come up")
        yield Engine(f"http://127.0.0.1:{int(said.removeprefix('listening on '))}")
    finally:
        server.kill()
        server.wait()
