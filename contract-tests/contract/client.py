"""A CDS client for tests: plain HTTP, no retries, nothing hidden."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import requests

JSON: Final = "application/json"
ORIGIN: Final = "http://localhost:8080"
"""A browser client's origin that a try-out accepts: the CDS Hooks Sandbox run locally."""


@dataclass(frozen=True)
class Client:
    """Calls one base URL.

    Attributes:
        base: base URL without a trailing slash.
        headers: sent with every request.
    """

    base: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, **more: Any) -> requests.Response:
        """Any request; `path` starts with a slash. Redirects are not followed."""
        headers = {**self.headers, **more.pop("headers", {})}
        return requests.request(
            method, f"{self.base}{path}", headers=headers, timeout=30, allow_redirects=False, **more
        )

    def get(self, path: str, **more: Any) -> requests.Response:
        """GET."""
        return self.send("GET", path, **more)

    def post(self, path: str, body: object, **more: Any) -> requests.Response:
        """POST JSON, or the very bytes if bytes are given."""
        headers = {"Content-Type": JSON, **more.pop("headers", {})}
        if isinstance(body, bytes):
            return self.send("POST", path, data=body, headers=headers, **more)
        return self.send("POST", path, json=body, headers=headers, **more)

    def services(self) -> dict[str, dict[str, Any]]:
        """Hook -> the first service of that hook in discovery."""
        found: dict[str, dict[str, Any]] = {}
        for service in self.get("/cds-services").json()["services"]:
            found.setdefault(service["hook"], service)
        return found
