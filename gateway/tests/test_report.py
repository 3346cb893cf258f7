"""The report through the gateway: for operators only, with all that it needs."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.settings import PRODUCTION
from gateway.trust import Trust

SECRET = "operator-secret-of-tests-and-no-other"
FILE = 'attachment; filename="report.csv"'


@pytest.fixture
def operated(gateway: Callable[..., Any], stub: Any, tmp_path: Path) -> Any:
    """A client of a gateway in production that knows the secret; the stub plays screening."""
    stub.reply = lambda handler: stub.send(
        handler, 200, b"from,to\r\n", Content_Type="text/csv", Content_Disposition=FILE, Cache_Control="no-store"
    )
    trust = Trust(state_dir=tmp_path / "state", operator_tokens=(SECRET.encode(),))
    return gateway(deployment=PRODUCTION, trust=trust)


@pytest.mark.parametrize("path", ["/report", "/report.csv"])
def test_an_operator_gets_it_as_it_was_asked_for(operated: Any, stub: Any, path: str) -> None:
    asked = f"{path}?from=2026-09-01&to=2026-11-22&client=example-ehr&module=ORD_DRBA"
    answer = operated.get(asked, headers={"Authorization": f"Bearer {SECRET}"})
    assert (answer.status_code, answer.data) == (200, b"from,to\r\n")
    assert (answer.headers["Content-Disposition"], answer.headers["Cache-Control"]) == (FILE, "no-store")
    ((method, sent, headers, _),) = stub.calls
    assert (method, sent) == ("GET", asked)
    assert SECRET not in str(headers)


@pytest.mark.parametrize("path", ["/report", "/report.csv"])
def test_nobody_else_does(operated: Any, stub: Any, path: str) -> None:
    assert operated.get(path).status_code == 401
    assert operated.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert stub.calls == []


def test_counting_may_take_longer_than_a_call(gateway: Callable[..., Any], stub: Any) -> None:
    """The stub answers after the deadline of a call."""

    def late(handler: Any) -> None:
        time.sleep(0.3)
        stub.send(handler, 200, b"{}", Content_Type="application/json")

    stub.reply = late
    client = gateway(call_deadline=0.15)
    assert client.get("/report").status_code == 200
    assert client.get("/trace").status_code == 504
