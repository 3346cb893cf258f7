"""Traces through the gateway: for operators only, and what is no hookInstance is not quoted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.settings import PRODUCTION
from gateway.trust import Trust

SECRET = "operator-secret-of-tests-and-no-other"
INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
PAGE = b'{"traces":[]}'
each_page = pytest.mark.parametrize(
    "path", ["/trace", "/trace?client=example-ehr&outcome=silent", f"/trace/{INSTANCE}"]
)


@pytest.fixture(autouse=True)
def screening(stub: Any) -> Any:
    """The stub plays screening."""
    stub.reply = lambda handler: stub.send(handler, 200, PAGE, Content_Type="application/json", Vary="Accept")
    return stub


@each_page
def test_in_a_try_out_this_machine_may_see_it_and_nobody_else(client: Any, screening: Any, path: str) -> None:
    assert client.get(path, environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 403
    assert screening.calls == []
    answer = client.get(path, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.data) == (200, PAGE)
    ((method, asked, _, _),) = screening.calls
    assert (method, asked) == ("GET", path)


@each_page
def test_in_production_an_operator_sees_it(
    gateway: Callable[..., Any], screening: Any, tmp_path: Path, path: str
) -> None:
    trust = Trust(state_dir=tmp_path / "state", operator_tokens=(SECRET.encode(),))
    production = gateway(deployment=PRODUCTION, trust=trust)
    assert production.get(path).status_code == 401
    assert production.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert screening.calls == []
    answer = production.get(path, headers={"Authorization": f"Bearer {SECRET}"})
    assert (answer.status_code, answer.data) == (200, PAGE)
    assert SECRET not in str(screening.calls)


@pytest.mark.parametrize("path", ["/trace/zzmarkzz", f"/trace/{INSTANCE}x", f"/trace/urn:uuid:{INSTANCE}"])
def test_what_is_no_hook_instance_is_not_asked_for_nor_quoted(client: Any, screening: Any, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "hookInstance" in answer.get_json()["issue"][0]["details"]["text"]
    assert path.rpartition("/")[2] not in answer.text
    assert screening.calls == []
