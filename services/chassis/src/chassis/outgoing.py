"""HTTP to other services of ours: one session with timeouts that nobody can forget and no redirects."""

from collections.abc import Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter


class _TimedAdapter(HTTPAdapter):
    def __init__(self, timeout: tuple[float, float], pool: int) -> None:
        self._default_timeout = timeout
        super().__init__(pool_connections=4, pool_maxsize=pool, max_retries=0)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._default_timeout
        return super().send(request, *args, **kwargs)


def session(
    *, connect: float, read: float, pool: int = 8, headers: Mapping[str, str] | None = None
) -> requests.Session:
    """A `requests.Session` with default timeouts in seconds, no redirects and no proxy or netrc from outside."""
    made = requests.Session()
    made.trust_env = False
    made.max_redirects = 0
    adapter = _TimedAdapter((connect, read), pool)
    made.mount("http://", adapter)
    made.mount("https://", adapter)
    made.headers.update(headers or {})
    return made
