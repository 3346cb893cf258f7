"""The prefetch doctor through the gateway: for operators only."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.settings import PRODUCTION
from gateway.trust import Trust

SECRET = "operator-secret-of-tests-and-no-other"
PAGE = b'{"clients":[]}'


@pytest.fixture(autouse=True)
def screening(stub: Any) -> Any:
    """The stub plays screening."""
    stub.reply = lambda handler: stub.send(handler, 200, PAGE, Content_Type="application/json", Vary="Accept")
    return stub


@pytest.fixture
def production(gateway: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Makes a client of a gateway in production that knows these secrets of operators."""

    def made(*secrets: str) -> Any:
        known = tuple(one.encode() for one in secrets)
        return gateway(deployment=PRODUCTION, trust=Trust(state_dir=tmp_path / "state", operator_tokens=known))

    return made


def test_in_a_try_out_this_machine_may_see_it(client: Any, screening: Any) -> None:
    answer = client.get("/prefetch-doctor?client=example-ehr", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.data) == (200, PAGE)
    ((method, path, headers, _),) = screening.calls
    assert (method, path) == ("GET", "/prefetch-doctor?client=example-ehr")
    assert headers["Accept"] == "application/json"


def test_in_a_try_out_nobody_else_may(client: Any, screening: Any) -> None:
    answer = client.get("/prefetch-doctor", environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert answer.status_code == 403
    assert answer.get_json()["resourceType"] == "OperationOutcome"
    assert screening.calls == []


def test_an_operator_sees_it_in_production(production: Callable[..., Any], screening: Any) -> None:
    answer = production("another-secret-of-tests-and-no-more", SECRET).get(
        "/prefetch-doctor", headers={"Authorization": f"Bearer {SECRET}"}
    )
    assert (answer.status_code, answer.data) == (200, PAGE)
    assert answer.headers["Cache-Control"] == "no-store"
    ((_, _, headers, _),) = screening.calls
    assert "Authorization" not in headers
    assert SECRET not in str(headers)


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer wrong", f"Basic {SECRET}", SECRET, f"Bearer {SECRET}x"]
)
def test_nobody_else_does(
    production: Callable[..., Any], screening: Any, words: Callable[[Any], str], authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = production(SECRET).get("/prefetch-doctor", headers=headers)
    assert answer.status_code == 401
    assert "OPERATOR_TOKEN_FILE" in words(answer)
    assert screening.calls == []


def test_without_a_secret_it_is_switched_off_and_says_how_to_switch_it_on(
    production: Callable[..., Any], words: Callable[[Any], str]
) -> None:
    answer = production().get("/prefetch-doctor", headers={"Authorization": f"Bearer {SECRET}"})
    assert answer.status_code == 404
    assert "OPERATOR_TOKEN_FILE" in words(answer)


def test_without_screening_there_is_no_such_page(gateway: Callable[..., Any], stub: Any) -> None:
    assert gateway(upstreams={"other": stub.url}).get("/prefetch-doctor").status_code == 404


def test_a_query_that_is_none_is_refused(client: Any, screening: Any) -> None:
    assert client.get("/prefetch-doctor?client=%3Cscript%3E;x").status_code == 400
    assert screening.calls == []
