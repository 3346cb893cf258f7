"""The audit trail: one line for each call, in fixed fields, whole lines only, and never at the cost of an answer."""

import io
import json
import logging
import os
import re
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chassis import logs
from gateway import audit

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"
VIEW = "/cds-services/dystonia-patient-view"
MARK = "sentinel7319"
TOLD = {
    "topics": {"ScreenIncomplete": 1, "B12Abnormal": 2}, "rulesVersion": "2026.11.1+site",
    "data": {"delivered": 12, "absent": 3}, "fetched": 2, "store": "down",
}  # fmt: skip
EPIC = {
    "com.epic.cdshooks.request.criteria-id": "123456", "com.epic.cdshooks.request.bpa-trigger-action": "60",
    "com.epic.cdshooks.request.epic-version": "10.9", "internal.epic.cdshooks.request.epic-emp-id": MARK,
}  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


@pytest.fixture
def audited(gateway: Callable[..., Any], path: Path) -> Any:
    return gateway(audit_file=str(path))


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    written = io.StringIO()
    logs.configure("gateway", "ERROR", written)
    yield written
    root.handlers[:] = before[0]
    root.setLevel(before[1])


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def tell(stub: Any, header: str, status: int = 200, body: bytes = b'{"cards": []}') -> None:
    stub.reply = lambda handler: stub.send(handler, status, body, Cds_Audit=header)


def test_a_call_leaves_one_line_with_its_fields_in_order(audited: Any, path: Path, call: Any, stub: Any) -> None:
    tell(stub, json.dumps(TOLD))
    response = audited.post(VIEW, json=call | {"extension": EPIC})
    assert response.status_code == 200
    assert audit.HEADER not in response.headers
    (line,) = lines(path)
    assert list(line) == [name for name in audit.FIELDS if name in line]
    assert line.pop("ms") >= 0
    assert line.pop("time").endswith("Z")
    assert line == {
        "request_id": response.headers["X-Request-Id"], "kind": "call", "client": "anonymous", "dialect": "sandbox",
        "service": "dystonia-patient-view", "hook": "patient-view", "hook_instance": call["hookInstance"],
        "criteria_id": "123456", "trigger_action": "60", "epic_version": "10.9", "outcome": "answered", "status": 200,
        "cards": 3, "topics": TOLD["topics"], "rules_version": TOLD["rulesVersion"], "data": TOLD["data"], "fetched": 2,
        "store": "down",
    }  # fmt: skip
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_feedback_leaves_what_became_of_it(audited: Any, path: Path, stub: Any) -> None:
    told = {"feedback": {"kept": 2, "unknown-card": 1, "refused": 1}, "reasons": {"deferred": 1, "none": 1, "other": 1}}
    tell(stub, json.dumps(told), body=b'{"feedback": []}')
    audited.post(VIEW + "/feedback", json={"feedback": [{"card": MARK, "overrideReason": {"userComment": MARK}}]})
    tell(stub, json.dumps({"feedback": {MARK + " x": 1}, "reasons": {"deferred": MARK}}))
    audited.post(VIEW + "/feedback", json={"feedback": []})
    first, second = lines(path)
    assert (first["kind"], first["feedback"], first["reasons"]) == ("feedback", told["feedback"], told["reasons"])
    assert not {"cards", "topics", "feedback", "reasons"} & set(second)
    assert MARK not in path.read_text("utf-8")


def test_discovery_feedback_refusals_and_failures_leave_theirs(audited: Any, path: Path, call: Any, stub: Any) -> None:
    audited.get("/cds-services")
    audited.post(VIEW + "/feedback", json={"feedback": []})
    audited.post(VIEW, json=call | {"context": {}, "extension": EPIC})
    audited.post(VIEW, json=call, headers={"Authorization": "Bearer x"})
    audited.post("/cds-services/none", json=call)
    audited.post("/cds-services", json=call)
    audited.post("/cds-services/a/b/c", json=call)
    issue = {"severity": "error", "code": "required", "details": {"text": "The prefetch key 'patient' was absent."}}
    outcome = json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()
    tell(stub, json.dumps({"data": {"absent": 9}}), 412, outcome)
    audited.post(VIEW, json=call)
    stub.reply = lambda handler: stub.send(handler, 500, b"x")
    audited.post(VIEW, json=call)
    told = [tuple(line.get(name) for name in ("kind", "client", "status", "outcome", "reason")) for line in lines(path)]
    assert told == [
        ("discovery", "anonymous", 200, "answered", None),
        ("feedback", "anonymous", 200, "answered", None),
        ("call", "anonymous", 400, "refused", "invalid"),
        ("call", None, 401, "refused", "login"),
        ("call", "anonymous", 404, "refused", "not-found"),
        (None, None, 405, "refused", "not-supported"),
        (None, None, 404, "refused", "not-found"),
        ("call", "anonymous", 412, "refused", "required"),
        ("call", "anonymous", 502, "failed", "transient"),
    ]
    said = [line.get("words", "").partition(" ")[2][:20] for line in lines(path)]
    assert said[2:5] == ["context must have a ", "token is not a signe", "is no CDS service wi"]
    assert said[7] == "prefetch key 'patien"
    refused = lines(path)[2]
    assert (refused["criteria_id"], refused["hook_instance"]) == ("123456", call["hookInstance"])
    assert lines(path)[7]["data"] == {"absent": 9}


def test_what_is_no_call_leaves_none(audited: Any, path: Path) -> None:
    for page in ("/version", "/explanations", "/healthz", "/readyz", "/none", "/cds-services-not"):
        audited.get(page)
    audited.options(VIEW, headers={"Origin": "http://localhost:1"})
    assert not path.exists() or lines(path) == []


def test_nothing_that_a_caller_sends_reaches_a_line(audited: Any, path: Path, call: Any, stub: Any) -> None:
    extension = dict.fromkeys(EPIC, MARK)
    marked = call | {"hookInstance": MARK, "extension": extension, "fhirServer": f"https://{MARK}.example"}
    for document in (marked, marked | {"hookInstance": call["hookInstance"]}, marked | {"extension": MARK}, {}):
        audited.post(VIEW, json=document | {"context": {"patientId": MARK, "userId": f"Practitioner/{MARK}"}})
    for value in (5, None, [MARK], {MARK: MARK}, "1" * 65, "60\n" + MARK, "6 0"):
        audited.post(VIEW, json=call | {"extension": dict.fromkeys(EPIC, value), "hookInstance": value})
    audited.post(f"{VIEW}?q={MARK}", json=call, headers={"X-Request-Id": MARK, "Authorization": f"Bearer {MARK}"})
    audited.post(f"/cds-services/{MARK}", json=call)
    audited.post(VIEW, data=MARK.encode(), content_type="application/json")
    assert len(lines(path)) == 14
    assert MARK not in path.read_text()


@pytest.mark.parametrize(
    "header",
    [
        MARK, "{", "[]", "5", json.dumps({"topics": {MARK + " x": 1}}), json.dumps({"topics": {"A": MARK}}),
        json.dumps({"topics": {"A": -1}}), json.dumps({"topics": {"A": True}}), json.dumps({"topics": MARK}),
        json.dumps({"data": [MARK], "rulesVersion": MARK + " x", "fetched": MARK, "store": MARK}),
        "[" * 3_999, "x" * 5_000,
        json.dumps({"topics": {f"A{n}": 1 for n in range(60)}}), '{"fetched": 1e999}',
    ],
)  # fmt: skip
def test_an_answer_that_tells_nonsense_is_answered_all_the_same(
    audited: Any, path: Path, call: Any, stub: Any, header: str
) -> None:
    tell(stub, header)
    assert audited.post(VIEW, json=call).status_code == 200
    (line,) = lines(path)
    assert not {"topics", "cards", "data", "rules_version", "fetched", "store"} & line.keys()


def test_a_file_that_was_moved_away_is_opened_anew(audited: Any, path: Path, tmp_path: Path, call: Any) -> None:
    audited.post(VIEW, json=call)
    path.rename(tmp_path / "audit.1")
    audited.post(VIEW, json=call)
    audited.post(VIEW, json=call)
    assert (len(lines(tmp_path / "audit.1")), len(lines(path))) == (1, 2)
    path.unlink()
    path.write_text("")
    audited.post(VIEW, json=call)
    assert len(lines(path)) == 1


def test_a_full_disk_costs_no_answer_and_is_told_once(
    audited: Any, path: Path, call: Any, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, MARK)

    monkeypatch.setattr("gateway.audit.os.write", full)
    assert [audited.post(VIEW, json=call).status_code for _ in range(3)] == [200, 200, 200]
    told = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["event"], line["count"], line["reason"]) for line in told] == [
        ("audit lines could not be written", 1, "ENOSPC")
    ]
    monkeypatch.undo()
    logs.configure("gateway", "WARNING", log)
    audited.post(VIEW, json=call)
    assert json.loads(log.getvalue().splitlines()[-1]) | {"time": ""} == {
        "time": "", "level": "warning", "component": "gateway", "logger": "cds.audit",
        "event": "audit lines are written again", "count": 2,
    }  # fmt: skip
    assert len(lines(path)) == 1


def test_a_line_that_broke_off_does_not_spoil_the_next(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = audit.Stream(str(path))
    write = os.write
    monkeypatch.setattr("gateway.audit.os.write", lambda file, text: write(file, text[:5]))
    stream.write({"status": 1})
    monkeypatch.undo()
    stream.write({"status": 2})
    broken, whole = path.read_text().splitlines()
    assert json.loads(whole) == {"status": 2}
    assert broken == '{"sta'


def test_a_file_that_cannot_be_opened_costs_no_answer(
    gateway: Any, tmp_path: Path, call: Any, log: io.StringIO
) -> None:
    client = gateway(audit_file=str(tmp_path / "none" / "audit.jsonl"))
    assert client.post(VIEW, json=call).status_code == 200
    assert "ENOENT" in log.getvalue()


def test_threads_write_whole_lines(path: Path) -> None:
    streams = [audit.Stream(str(path)) for _ in range(4)]
    writers = [
        threading.Thread(target=lambda s=stream: [s.write({"n": n, "text": "x" * 2_000}) for n in range(200)])  # type: ignore[misc]
        for stream in streams
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(lines(path)) == 800


def test_standard_output_is_a_stream_too(gateway: Any, call: Any, capfd: pytest.CaptureFixture[str]) -> None:
    gateway().post(VIEW, json=call)
    (line,) = capfd.readouterr().out.splitlines()
    assert json.loads(line)["service"] == "dystonia-patient-view"


def test_where_lines_cannot_go_is_told_at_start(tmp_path: Path) -> None:
    assert audit.checked("-") == "-"
    assert audit.checked(str(tmp_path / "a.jsonl")).endswith("a.jsonl")
    for wrong in (tmp_path, tmp_path / "none" / "a"):
        with pytest.raises(ValueError, match="cannot be opened for appending"):
            audit.checked(str(wrong))


def test_the_page_describes_each_field_and_its_examples_are_some() -> None:
    text = PAGE.read_text("utf-8")
    assert re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE) == list(audit.FIELDS)
    examples = [json.loads(example) for example in re.findall(r"```json\n(.+)\n```", text)]
    assert [line["kind"] for line in examples] == ["call", "feedback"]
    for line in examples:
        assert list(line) == [name for name in audit.FIELDS if name in line]
        assert [name for name, fits in audit.FIELDS.items() if name in line and not fits(line[name])] == []
