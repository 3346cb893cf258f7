"""The profiles of the compose file: Prometheus beside the services, and production mode without TLS on a laptop."""

import contextlib
import io
import json
import time
from collections.abc import Iterator
from typing import Any, Final

import requests

from e2e.ehr import DISCOVERY
from e2e.engine import Compose
from gateway import commands, minting

_TARGETS: Final = {"gateway": 1, "screening": 2, "content": 1}
_WITHIN_S: Final = 60.0
_TIMEOUT_S: Final = 10.0


def faults(compose: Compose) -> Iterator[str]:
    """Yield what went wrong."""
    yield from _monitoring(compose)
    yield from _try(compose)


def _monitoring(compose: Compose) -> Iterator[str]:
    """Prometheus finds each replica by the name that both have, and has read the rules of alerts."""
    compose.run("--profile", "monitoring", "up", "-d", "prometheus")
    compose.wait_until_healthy(["prometheus"])
    base = f"http://127.0.0.1:{compose.site.prometheus_port}/api/v1"
    ends = time.monotonic() + _WITHIN_S
    while (up := _up(base)) != _TARGETS and time.monotonic() < ends:
        time.sleep(1)
    if up != _TARGETS:
        yield f"Prometheus is told by {up}"
    rules = requests.get(f"{base}/rules", timeout=_TIMEOUT_S).json()["data"]["groups"]
    sick = [rule["name"] for group in rules for rule in group["rules"] if rule["health"] == "err"]
    if not rules or sick:
        yield f"rules of alerts: {len(rules)} groups, not working: {sick}"


def _up(base: str) -> dict[str, int]:
    """Job -> how many of its targets answer."""
    targets: list[Any] = requests.get(f"{base}/targets", timeout=_TIMEOUT_S).json()["data"]["activeTargets"]
    jobs = [target["labels"]["job"] for target in targets if target["health"] == "up"]
    return {job: jobs.count(job) for job in jobs}


def _try(compose: Compose) -> Iterator[str]:
    """What docs/clients.md says about trying production mode."""
    folder = compose.site.folder / "try"
    with contextlib.redirect_stdout(io.StringIO()):
        commands.main(["try", str(folder)])
    compose.run("--profile", "try", "up", "-d", "try")
    compose.wait_until_healthy(["try-content", "try-screening", "try"])
    key = json.loads((folder / "try-key.json").read_text("utf-8"))
    address = f"http://localhost:{compose.site.try_port}{DISCOVERY}"
    token = minting.token(key, commands.TRY_ISSUER, address)
    for headers, status in (({}, 401), ({"Authorization": f"Bearer {token}"}, 200)):
        found = requests.get(address, headers=headers, timeout=_TIMEOUT_S).status_code
        if found != status:
            yield f"profile try: {found} where {status} was expected"
