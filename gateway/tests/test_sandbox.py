"""What the CDS Hooks Sandbox really sends, as recorded from it: every call gets through to the service."""

import json
from pathlib import Path
from typing import Any

import jwt
import pytest

from gateway import clients

RECORDED = Path(__file__).parents[2].parent / "shared" / "examples" / "sandbox"


def exchanges() -> list[Any]:
    """The recorded preflights, calls and feedback, each as a parameter of a test."""
    if not RECORDED.is_dir():
        return [pytest.param(None, marks=pytest.mark.skip(reason="no recorded exchanges beside the project"))]
    return [
        pytest.param(exchange, id=f"{path.stem}-{index}")
        for path in sorted(RECORDED.glob("[0-9]*.json"))
        for index, exchange in enumerate(json.loads(path.read_text()))
        if exchange["side"] == "cds"
    ]


@pytest.mark.parametrize("exchange", exchanges())
def test_recorded_exchanges_get_through(gateway: Any, stub: Any, exchange: dict[str, Any]) -> None:
    path, headers = exchange["url"], exchange["headers"]
    body = exchange.get("body")
    hook = body.get("hook", "patient-view") if body else "patient-view"
    stub.services = [{"id": path.split("/")[2], "hook": hook, "description": "recorded"}]
    client = gateway()
    if exchange["method"] == "OPTIONS":
        response = client.options(path, headers=headers)
        assert response.status_code == 204
        asked = headers["Access-Control-Request-Headers"].split(",")
        assert set(asked) <= set(response.headers["Access-Control-Allow-Headers"].split(", "))
    else:
        sent = {name: value for name, value in headers.items() if name.lower() in ("origin", "accept", "content-type")}
        response = client.post(path, data=json.dumps(body), headers=sent)
        assert response.status_code == 200
        assert json.loads(stub.calls[-1][3]) == body
    assert response.headers["Access-Control-Allow-Origin"] == headers["Origin"]


def test_what_the_sandbox_signs_with_is_what_we_trust() -> None:
    if not RECORDED.is_dir():
        pytest.skip("no recorded exchanges beside the project")
    (published,) = json.loads((RECORDED / "jwks.json").read_text())["keys"]
    (sandbox,) = clients.sandbox()
    ours = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(sandbox.keys[published["kid"]][0].jwk.key))
    assert (ours["x"], ours["y"]) == (published["x"], published["y"])
    tokens = [parameter.values[0].get("jwt") for parameter in exchanges()]
    recorded = [token for token in tokens if token]
    assert recorded
    for token in recorded:
        header = token["header"]
        assert (header["alg"], header["kid"], {header["jku"]}) == ("ES384", published["kid"], sandbox.jkus)
