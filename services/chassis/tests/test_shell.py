"""The shell of a service: request ids, the access line, and a Problem for whatever goes wrong."""

import io
import json
import re
from typing import Any

import pytest
from flask import Flask, Response, abort, g, request
from flask.testing import FlaskClient
from werkzeug.exceptions import BadRequest, ImATeapot, RequestHeaderFieldsTooLarge

from chassis import logs, shell
from chassis.problems import MEDIA_TYPE, Problem

MARK = "zz-patient-data"
WAITING: list[str] = []


def application() -> Flask:
    app = shell.build("example", version="1.2.3", max_body=1_000, not_ready=lambda: tuple(WAITING))

    @app.post("/echo")
    def echo() -> Response:
        g.access_fields = {"cards": 2, "patient": MARK}
        return Response(shell.body(), content_type="text/plain")

    @app.post("/json")
    def reads_json() -> dict[str, Any]:
        return {"read": bool(request.get_json())}

    @app.get("/problem/<int:status>")
    def problem(status: int) -> Response:
        raise Problem(status, "Public words.", expression="context.patientId", headers={"Retry-After": "3"})

    @app.get("/fails")
    def fails() -> Response:
        raise ValueError(MARK)

    @app.get("/quotes")
    def quotes() -> Response:
        raise BadRequest(f"<b>{MARK}</b>")

    @app.get("/abort/<int:status>")
    def aborts(status: int) -> Response:
        abort(status, f"<b>{MARK}</b>")

    @app.get("/teapot")
    def teapot() -> Response:
        raise ImATeapot(MARK)

    @app.get("/headers")
    def headers() -> Response:
        raise RequestHeaderFieldsTooLarge(MARK)

    return app


@pytest.fixture
def stream() -> io.StringIO:
    made = io.StringIO()
    logs.configure("example", "INFO", made)
    return made


@pytest.fixture
def client(stream: io.StringIO) -> FlaskClient:
    return application().test_client()


def outcome(answer: Any, status: int, code: str) -> str:
    """Assert a refusal; return its words."""
    assert answer.status_code == status
    assert answer.mimetype == MEDIA_TYPE
    body = answer.get_json()
    (issue,) = body.pop("issue")
    assert body == {"resourceType": "OperationOutcome"}
    assert issue["severity"] == "error"
    assert issue["code"] == code
    assert issue["diagnostics"] == f"Request id: {answer.headers['X-Request-Id']}"
    assert MARK not in answer.get_data(as_text=True)
    assert "<" not in answer.get_data(as_text=True)
    words: str = issue["details"]["text"]
    return words


# --- request ids ---


@pytest.mark.parametrize(
    "sent", ["0123456789abcdef" * 2, "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "D1577C69-DFBE-44AD-BA6D-3E05E953B2EA"]
)
def test_an_acceptable_request_id_is_kept(client: FlaskClient, sent: str) -> None:
    assert client.get("/healthz", headers={"X-Request-Id": sent}).headers["X-Request-Id"] == sent


@pytest.mark.parametrize(
    "sent",
    ["", "short", "0" * 65, "abcdefgh", "mrn-12345678", "12345678", "A-b_c.d-1",
    "with space", "a/b/c/d/e", "<script>alert</script>", "abcdefgh\t", "äöüäöüäö", "a;b=c,d:e",
    "%0a%0d%0a"],
)  # fmt: skip
def test_any_other_request_id_is_replaced(client: FlaskClient, stream: io.StringIO, sent: str) -> None:
    answer = client.get("/problem/400", headers={"X-Request-Id": sent})
    made = answer.headers["X-Request-Id"]
    assert re.fullmatch(r"[0-9a-f]{32}", made)
    assert answer.headers.getlist("X-Request-Id") == [made]
    (line,) = [json.loads(one) for one in stream.getvalue().splitlines()]
    assert line["request_id"] == made
    assert answer.get_json()["issue"][0]["diagnostics"] == f"Request id: {made}"


def test_without_one_every_request_gets_its_own(client: FlaskClient) -> None:
    made = {client.get("/healthz").headers["X-Request-Id"] for _ in range(20)}
    assert len(made) == 20


# --- problems ---


def test_a_problem_may_name_several_places() -> None:
    second = Problem(403, "Second.", expression="b")
    outcome = Problem(400, "First.", expression="a", others=(second,)).outcome("r1")
    assert [(one["code"], one["details"]["text"], one["expression"]) for one in outcome["issue"]] == [
        ("invalid", "First.", ["a"]), ("forbidden", "Second.", ["b"]),
    ]  # fmt: skip
    assert all(one["diagnostics"] == "Request id: r1" for one in outcome["issue"])


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "invalid"), (401, "login"), (403, "forbidden"), (404, "not-found"), (412, "required"), (413, "too-long"),
     (415, "not-supported"), (429, "throttled"), (501, "not-supported"), (502, "transient"), (503, "transient"),
     (504, "timeout"), (418, "processing")],
)  # fmt: skip
def test_a_problem_is_an_operation_outcome(client: FlaskClient, status: int, code: str) -> None:
    answer = client.get(f"/problem/{status}")
    assert outcome(answer, status, code) == "Public words."
    assert answer.get_json()["issue"][0]["expression"] == ["context.patientId"]
    assert answer.headers["Retry-After"] == "3"


def test_an_unknown_address(client: FlaskClient) -> None:
    assert outcome(client.get(f"/{MARK}"), 404, "not-found") == "There is nothing at this address."
    outcome(client.get(f"/echo/{MARK}"), 404, "not-found")
    outcome(client.post("/echo/"), 404, "not-found")


def test_a_method_that_is_not_allowed(client: FlaskClient) -> None:
    for method in ("get", "put", "delete", "patch"):
        answer = getattr(client, method)("/echo")
        outcome(answer, 405, "not-supported")
        assert answer.headers["Allow"] == "OPTIONS, POST"


def test_a_body_that_is_too_large(client: FlaskClient) -> None:
    assert client.post("/echo", data=b"x" * 1_000).status_code == 200
    outcome(client.post("/echo", data=MARK.encode() * 100), 413, "too-long")


def test_a_body_that_is_too_large_and_does_not_say_so(client: FlaskClient) -> None:
    stream = io.BytesIO(MARK.encode() * 100)
    environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    outcome(client.post("/echo", input_stream=stream, environ_overrides=environ), 413, "too-long")


def test_a_body_that_is_no_json(client: FlaskClient) -> None:
    outcome(client.post("/json", data=f"{{{MARK}", content_type="application/json"), 400, "invalid")
    outcome(client.post("/json", data=MARK, content_type="text/plain"), 415, "not-supported")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/quotes", 400, "invalid"), ("/teapot", 418, "processing"), ("/headers", 431, "too-long"), ("/abort/403", 403,
    "forbidden"),
     ("/abort/409", 409, "conflict"), ("/abort/503", 503, "transient"), ("/abort/500", 500, "exception")],
)  # fmt: skip
def test_words_of_the_framework_are_replaced(client: FlaskClient, path: str, status: int, code: str) -> None:
    assert outcome(client.get(path), status, code)


@pytest.mark.parametrize("testing", [False, True])
@pytest.mark.parametrize("debug", [False, True])
def test_a_failure_is_answered_without_a_stack_and_logged_without_its_message(
    stream: io.StringIO, testing: bool, debug: bool
) -> None:
    app = application()
    app.testing, app.debug = testing, debug
    answer = app.test_client().get("/fails")
    assert "log" in outcome(answer, 500, "exception")
    lines = [json.loads(one) for one in stream.getvalue().splitlines()]
    failure = next(one for one in lines if one["level"] == "error")
    assert failure["error_type"] == "ValueError"
    assert failure["error_place"].startswith("test_shell.py:")
    assert failure["request_id"] == answer.headers["X-Request-Id"]
    assert lines[-1]["status"] == 500
    assert MARK not in stream.getvalue()


def test_problems_are_compared_by_identity_and_hold_what_they_say() -> None:
    one, other = Problem(400, "Words."), Problem(400, "Words.")
    assert one != other
    assert {one: 1}[one] == 1
    assert str(one) == "Words."
    assert "diagnostics" not in one.outcome()["issue"][0]
    assert "expression" not in one.outcome()["issue"][0]
    assert Problem(400, "Words.", code="structure").outcome("r")["issue"][0]["code"] == "structure"


# --- the access line ---


def test_the_access_line_has_the_route_and_never_the_address(client: FlaskClient, stream: io.StringIO) -> None:
    client.post(f"/echo?patient={MARK}", data=MARK, headers={"Authorization": f"Bearer {MARK}", "User-Agent": MARK})
    client.get(f"/{MARK}?x={MARK}")
    client.get("/problem/412")
    client.put("/echo", data=MARK)
    lines = [json.loads(one) for one in stream.getvalue().splitlines()]
    assert [(one["event"], one["route"], one["status"], one["code"]) for one in lines] == [
        ("request", "/echo", 200, ""),
        ("request", "", 404, "not-found"),
        ("request", "/problem/<int:status>", 412, "required"),
        ("request", "", 405, "not-supported"),
    ]
    assert lines[0]["bytes_in"] == lines[0]["bytes_out"] == len(MARK)
    assert lines[0]["ms"] >= 0
    assert lines[0]["cards"] == 2
    assert lines[0]["fields_dropped"] == 1
    assert MARK not in stream.getvalue()


@pytest.mark.parametrize("method", [f"{MARK}", "TRACE", "get", "PROPFIND"])
def test_a_made_up_method_is_refused_and_not_logged(client: FlaskClient, stream: io.StringIO, method: str) -> None:
    answer = client.open("/echo", method=method)
    assert answer.status_code == 405
    assert MARK not in stream.getvalue()


# --- health ---


def test_health_and_readiness(client: FlaskClient, stream: io.StringIO) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok", "version": "1.2.3"}
    assert client.get("/readyz").get_json() == {"status": "ready", "waiting": []}
    WAITING.append("the card texts")
    try:
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.get_json() == {"status": "waiting", "waiting": ["the card texts"]}
        assert client.get("/healthz").status_code == 200
    finally:
        WAITING.clear()
    assert stream.getvalue() == "", "health checks are not logged"
    outcome(client.post("/healthz"), 405, "not-supported")
