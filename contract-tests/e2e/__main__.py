"""`python -m e2e`: build the images, start the compose file, play every scenario through its door, leave nothing."""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

from e2e import door, profiles, replicas, upkeep
from e2e.ehr import Ehr, NotAnswered, played
from e2e.engine import Compose, Failed, started, there_is_an_engine
from e2e.site import ROOT, made
from screening.synthetic.files import Case, read

SCENARIOS: Final = ROOT / "services" / "screening" / "tests" / "scenarios"
ENGINE: Final = ROOT / ".ci" / "engine"
REQUIRED: Final = "REQUIRE_CONTAINER_ENGINE"

_AT_ONCE: Final = 4
_NO_ENGINE: Final = 3
_TOLD: Final = 20


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Play the suite.

    Returns:
        0 when all went well, or there is no engine and none is required; else 1.
    """
    parser = argparse.ArgumentParser(prog="e2e", description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="play only every so-manieth scenario")
    chosen = parser.parse_args(arguments)
    if there_is_an_engine():
        signal.signal(signal.SIGTERM, _stop)
        return _whole(chosen.every)
    if os.getuid() == 0 and "E2E_INSIDE" not in environ:
        command = [str(ENGINE), sys.executable, "-m", "e2e", *arguments]
        status = subprocess.run(command, env={**environ, "E2E_INSIDE": "1"}, check=False).returncode  # noqa: S603
        if status != _NO_ENGINE:
            return status
    print("no container engine is here, and none can be started: nothing was built, nothing was run")
    return 1 if environ.get(REQUIRED) == "1" else 0


def _whole(every: int) -> int:
    begun = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - begun:4.0f} s  {line}", flush=True)

    cases = [case for path in sorted(SCENARIOS.glob("*.yaml")) for case in read(path)][::every]
    wrong: list[str] = []
    right = 0
    with tempfile.TemporaryDirectory(prefix="dystonia-e2e-") as folder:
        compose = Compose.of(made(Path(folder)))
        say(compose.run("version", "--short").strip())
        try:
            with started(compose):
                say("built, started and healthy")
                ehr = Ehr(compose.site)
                right = _scenarios(ehr, cases, wrong.append)
                say(f"{right} of {len(cases)} scenarios, {ehr.repeated} calls sent a second time")
                today = datetime.now(UTC).date()
                for what, found in (
                    ("the door", door.faults(ehr, compose)),
                    ("the replicas", replicas.faults(ehr, compose, today, say)),
                    ("upkeep", upkeep.faults(ehr, compose, today)),
                    ("the profiles", profiles.faults(compose)),
                ):
                    faults = list(found)
                    wrong += [f"{what}: {one}" for one in faults]
                    say(f"{what}: {len(faults)} faults")
        except (Failed, NotAnswered, OSError, KeyboardInterrupt) as error:
            wrong.append(str(error) or type(error).__name__)
        wrong += [f"left behind: {one}" for one in compose.left()]
    for one in wrong[:_TOLD]:
        print(f"FAULT {one}")
    print(f"{len(wrong)} faults, {time.monotonic() - begun:.0f} s")
    print(f"{right} of {len(cases)} scenarios through the front door", flush=True)
    return 0 if not wrong and right == len(cases) else 1


def _scenarios(ehr: Ehr, cases: Sequence[Case], wrong: Callable[[str], None]) -> int:
    """Play them all; how many came out right."""

    def one(case: Case) -> str:
        try:
            found, wanted = played(ehr, case.scenario, datetime.now(UTC).date())
        except NotAnswered as error:
            return str(error)
        return "" if found == wanted else f"{case}: {found} where {wanted} was expected"

    ehr.services()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        said = list(pool.map(one, cases))
    for fault in filter(None, said):
        wrong(fault)
    return said.count("")


def _stop(_number: int, _frame: object) -> NoReturn:
    """End as with Ctrl-C."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
