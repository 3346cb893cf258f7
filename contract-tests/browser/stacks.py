"""The try-out that the browser looks at, as `make run` starts it."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from contract.deployed import free_ports, inherited

from tryout import children
from tryout.settings import CONTENT_PORT, GATEWAY_PORT, SCREENING_PORT

BASE: Final = "BROWSER_BASE_URL"
"""The variable that says where the try-out is."""

VISITED: Final = "BROWSER_VISITED"
"""The variable that names the folder in which each worker writes down the pages that it has opened."""

MARK: Final = "BROWSER_SUITE"
"""The variable by which the processes of one run are known."""

_READY_WITHIN_S: Final = 60.0
_ENDS_WITHIN_S: Final = 20.0


@contextlib.contextmanager
def tried_out(folder: Path, mark: str) -> Iterator[str]:
    """A try-out on free ports with a state of its own; its base URL without a trailing slash.

    Args:
        folder: is made.
        mark: for the environment of its processes.

    Raises:
        OSError: it does not serve.
    """
    folder.mkdir(mode=0o700)
    ports = map(str, free_ports(3))
    environ = surroundings() | dict(zip((GATEWAY_PORT, SCREENING_PORT, CONTENT_PORT), ports, strict=True))
    environ |= {MARK: mark, "STATE_DIR": str(folder / "state")}
    log = folder / "run.log"
    started = children.start("make run", [sys.executable, "-m", "tryout", "run"], environ, log)
    try:
        ends = time.monotonic() + _READY_WITHIN_S
        while "\nServing." not in log.read_text("utf-8"):
            if started.process.poll() is not None or time.monotonic() > ends:
                raise OSError("the try-out does not serve:\n" + "\n".join(started.last_lines()))
            time.sleep(0.1)
        yield f"http://localhost:{environ[GATEWAY_PORT]}"
    finally:
        started.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            started.process.wait(_ENDS_WITHIN_S)
        children.stop([started])


def surroundings() -> dict[str, str]:
    """What a service needs of our own environment; not where the tools of this suite are."""
    return {name: value for name, value in inherited().items() if name != "PYTHONPATH"}
