"""The demo command against a stand-in for the gateway: what it prints and how it exits."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tryout import demo, patient
from tryout.__main__ import main

ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"


def bundle(*patients: str) -> dict[str, Any]:
    entries = [{"resource": {"resourceType": "Patient", "id": name}} for name in patients]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


@pytest.fixture
def written(tmp_path: Path) -> Any:
    def write(content: Any, name: str = "bundle.json") -> str:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return write


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["demo", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_prints_the_card_readably(capsys: pytest.CaptureFixture[str], written: Any, gateway_url: str) -> None:
    code, out, err = told(capsys, written(bundle("p")), "--url", gateway_url)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("one (patient-view): 200 in ")
    assert lines[1:] == [
        "Sent: conditions 0, patient 1",
        "",
        "[WARNING] Synthetic card [31m",
        "",
        "  B12 is 1 < 2 < 3",
        "",
        "  - first",
        "  - second",
        "",
        "  Suggestion: Order it (recommended)",
        "    - create: Vitamin B12 [draft ServiceRequest http://loinc.org|2132-9]",
        "",
        "  Read more: http://localhost/explanations/x",
        "",
        "  Override reasons: Will order later",
        "",
        "  Source: Stand-in",
        "",
    ]


def test_says_plainly_that_there_is_no_card(capsys: pytest.CaptureFixture[str], written: Any, gateway_url: str) -> None:
    code, out, _ = told(capsys, written(bundle("silent")), "--url", gateway_url + "/cds-services")
    assert code == 0
    assert "one (patient-view): 200 in " in out
    assert "No card: the service answered with an empty list" in out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("refuse", "Refused (412): Conditions are missing. (at prefetch)\n"),
        ("nonsense", "Refused (200): the answer is neither cards nor an OperationOutcome\n"),
    ],
)
def test_a_refusal_exits_1(
    capsys: pytest.CaptureFixture[str], written: Any, gateway_url: str, name: str, words: str
) -> None:
    code, _, err = told(capsys, written(bundle(name)), "--url", gateway_url)
    assert (code, err) == (1, words)


@pytest.mark.parametrize(("name", "code"), [("silent", 0), ("refuse", 1)])
def test_why_it_was_answered_so_is_told_of_each_answer(
    capsys: pytest.CaptureFixture[str], written: Any, gateway_url: str, name: str, code: int
) -> None:
    ended, out, _ = told(capsys, written(bundle(name)), "--url", gateway_url, "--why")
    (why,) = re.findall(r"^Why ([0-9a-f-]{36}): (.*)$", out, re.MULTILINE)
    assert (ended, why[1]) == (code, "[31mit is so")


def test_with_json_the_reasons_are_json_too(capsys: pytest.CaptureFixture[str], written: Any, gateway_url: str) -> None:
    _, out, _ = told(capsys, written(bundle("silent")), "--url", gateway_url, "--json", "--why")
    answer, why = (json.loads(line) for line in out.splitlines() if line)
    assert answer == {"cards": []}
    assert set(why) == {"hookInstance"}


def test_who_may_not_know_why_is_told_so(
    capsys: pytest.CaptureFixture[str], written: Any, gateway_url: str, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("wrong\n")
    file = written(bundle("silent"))
    code, out, err = told(capsys, file, "--url", gateway_url, "--why", "--token-file", str(tmp_path / "token"))
    assert code == 1
    assert "No card" in out
    assert "401: This page is for operators." in err


def test_json_is_the_answer_as_it_came(capsys: pytest.CaptureFixture[str], written: Any, gateway_url: str) -> None:
    code, out, _ = told(capsys, written(bundle("silent")), "--url", gateway_url, "--json")
    assert code == 0
    assert json.loads(out) == {"cards": []}


def test_request_prints_the_call(capsys: pytest.CaptureFixture[str], written: Any, gateway_url: str) -> None:
    file = written(bundle("p"))
    code, out, _ = told(
        capsys, file, "--url", gateway_url, "--request", "--set-condition", "G24.9", "--recorded", "2026-10-22"
    )
    call = json.loads(out)
    assert code == 0
    assert call["context"]["patientId"] == "p"
    (entry,) = call["prefetch"]["conditions"]["entry"]
    assert entry["resource"]["code"] == {"coding": [{"system": ICD_10_CM, "code": "G24.9"}]}
    assert entry["resource"]["recordedDate"] == "2026-10-22"


def test_a_draft_goes_to_the_order_hook(capsys: pytest.CaptureFixture[str], written: Any, gateway_url: str) -> None:
    draft = written({"resourceType": "ServiceRequest", "id": "x"}, "draft.json")
    code, out, _ = told(capsys, written(bundle("p")), "--url", gateway_url, "--draft", draft, "--request")
    call = json.loads(out)
    assert code == 0
    assert call["hook"] == "order-select"
    assert call["context"]["selections"] == ["ServiceRequest/x"]


def test_a_directory_is_played_file_by_file(
    capsys: pytest.CaptureFixture[str], written: Any, gateway_url: str, tmp_path: Path
) -> None:
    written(bundle("silent"), "a.json")
    written({"resourceType": "Patient"}, "b.json")
    written(bundle("p"), "c.json")
    code, out, err = told(capsys, str(tmp_path), "--url", gateway_url)
    assert code == 2
    assert out.count("== ") == 3
    assert "No card" in out
    assert "[WARNING]" in out
    assert err.endswith("b.json: not a FHIR Bundle\n")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not a FHIR Bundle"),
        (bundle(), "no Patient in the Bundle"),
        (bundle("p", "q"), "2 Patients in the Bundle; choose one with PATIENT= (--patient)"),
    ],
)
def test_a_file_that_cannot_be_played_exits_2(
    capsys: pytest.CaptureFixture[str], written: Any, gateway_url: str, content: Any, words: str
) -> None:
    file = written(content)
    code, out, err = told(capsys, file, "--url", gateway_url)
    assert (code, out, err) == (2, "", f"{file}: {words}\n")


def test_a_patient_can_be_chosen(capsys: pytest.CaptureFixture[str], written: Any, gateway_url: str) -> None:
    file = written(bundle("p", "silent"))
    code, out, _ = told(capsys, file, "--url", gateway_url, "--patient", "silent")
    assert code == 0
    assert "No card" in out
    code, _, err = told(capsys, file, "--url", gateway_url, "--patient", "nobody")
    assert (code, err) == (2, f"{file}: no Patient/nobody in the Bundle\n")


def test_files_that_are_not_there_exit_2(
    capsys: pytest.CaptureFixture[str], written: Any, gateway_url: str, tmp_path: Path
) -> None:
    code, _, err = told(capsys, str(tmp_path / "none.json"), "--url", gateway_url)
    assert code == 2
    assert err == f"{tmp_path / 'none.json'}: there is no such file\n"
    code, _, err = told(capsys, str(tmp_path), "--url", gateway_url)
    assert code == 2
    assert "no *.json in this directory" in err
    draft = written([], "draft.json")
    code, _, err = told(capsys, written(bundle("p")), "--url", gateway_url, "--draft", draft)
    assert (code, err) == (2, f"{draft}: no draft order in it\n")


def test_a_hook_that_is_not_offered_exits_2(capsys: pytest.CaptureFixture[str], written: Any, gateway_url: str) -> None:
    code, _, err = told(capsys, written(bundle("p")), "--url", gateway_url, "--hook", "order-sign")
    assert code == 2
    assert err == "The gateway offers no service for the hook order-sign (hooks: order-select, patient-view)\n"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "not a url", "ftp://127.0.0.1"])
def test_no_gateway_exits_3(capsys: pytest.CaptureFixture[str], written: Any, url: str) -> None:
    code, _, err = told(capsys, written(bundle("p")), "--url", url)
    assert code == 3
    assert err == f"The gateway is not reachable at {url} (no connection); start it: make run\n"


def test_something_else_at_the_address_exits_3(
    capsys: pytest.CaptureFixture[str], written: Any, gateway_url: str
) -> None:
    code, _, err = told(capsys, written(bundle("p")), "--url", f"{gateway_url}/elsewhere")
    assert code == 3
    assert "does not answer with CDS services" in err


@pytest.mark.parametrize(
    "arguments", [[], ["x", "--set-condition", "|"], ["x", "--set-condition", "a|"], ["x", "--recorded", "soon"]]
)
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        main(["demo", *arguments])
    assert exited.value.code == 2


def test_the_built_in_patient_is_synthetic_and_dated_back_from_today() -> None:
    made = patient.bundle(date(2026, 11, 22))
    assert made["meta"]["tag"][0]["code"] == "HTEST"
    by_type = {entry["resource"]["id"]: entry["resource"] for entry in made["entry"]}
    assert "No real person" in by_type["tryout-patient"]["text"]["div"]
    assert by_type["tryout-b12"]["effectiveDateTime"] == "2026-11-02"
    assert "{{" not in json.dumps(made)


@pytest.mark.parametrize("text", ["nonsense", "15802004", "|G24.9", "http://snomed.info/sct|", ""])
def test_an_added_code_has_to_be_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"SYSTEM\|CODE"):
        demo.coding_of(text)


@pytest.mark.parametrize("text", ["G24.9", "g249", "E83.01", "F03"])
def test_a_bare_code_is_icd_10_cm(text: str) -> None:
    assert demo.coding_of(text) == (demo.ICD_10_CM, text)
    assert demo.coding_of("http://snomed.info/sct|15802004") == ("http://snomed.info/sct", "15802004")
