"""The FHIR server for the CDS Hooks Sandbox, asked as the Sandbox asks: reads, searches, CORS, the page of links."""

import json
import socket
import threading
from collections.abc import Iterator
from datetime import date
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient

from tryout import __main__, fhir_app, patient, ports, sandbox_links, shelf
from tryout.ehr import answer_prefetch
from tryout.record import read_record

TODAY = date(2026, 3, 2)
PLACES = sandbox_links.Places("http://localhost:8083/fhir", "http://localhost:8080")
TEMPLATES = {
    "patient": "Patient/{{context.patientId}}",
    "user": "{{context.userId}}",
    "conditions": "Condition?patient={{context.patientId}}",
    "b12": "Observation?patient={{context.patientId}}&code=http://loinc.org|2132-9,http://loinc.org|2132-9"
    "&date=ge{{today() - 730 days}}&_sort=-date",
    "medications": "MedicationRequest?patient={{context.patientId}}&_include=MedicationRequest:medication",
}
WHO = {"reference": "Patient/syn-bypass"}
CASE = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"resource": {"resourceType": "Patient", "id": "syn-bypass", "birthDate": "1980-01-01"}},
        {
            "resource": {
                "resourceType": "Condition",
                "id": "syn-bypass-1",
                "subject": {"reference": "Patient/syn-bypass"},
            }
        },
    ],
}


class _Workbench(BaseHTTPRequestHandler):
    """Stands in for the workbench of a running gateway."""

    def do_GET(self) -> None:
        case = {"id": "bypass", "title": "After a <bypass>", "story": "Why & how.", "notDelivered": ["b12"]}
        answers: dict[str, Any] = {
            "/workbench/cases.json": {"cases": [case]},
            "/workbench/bypass/bundle.json": CASE,
            "/cds-services": {"services": [{"hook": "patient-view", "id": "one", "prefetch": TEMPLATES}]},
        }
        body = json.dumps(answers.get(self.path, {})).encode()
        self.send_response(200 if self.path in answers else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def full() -> Iterator[shelf.Shelf]:
    server = HTTPServer(("127.0.0.1", 0), _Workbench)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield shelf.of_workbench(f"http://127.0.0.1:{server.server_address[1]}", TODAY)
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def server(full: shelf.Shelf) -> FlaskClient:
    return fhir_app.create_app(full, PLACES, TODAY).test_client()


def as_sandbox(server: FlaskClient, patient_id: str) -> dict[str, Any]:
    """Prefetch as the Sandbox gets it: reads by GET, searches by a form, what fails is left out."""
    user = "Practitioner/COREPRACTITIONER1"
    got = {}
    for key, template in TEMPLATES.items():
        query = (
            template.replace("{{context.patientId}}", patient_id)
            .replace("{{context.userId}}", user)
            .replace("{{today() - 730 days}}", "2024-03-02")
        )
        kind, _, asked = query.partition("?")
        form = urlencode({name: values[0] for name, values in parse_qs(asked).items()})
        headers = {"Accept": "application/json+fhir", "Content-Type": "application/x-www-form-urlencoded"}
        answer = (
            server.post(f"/fhir/{kind}/_search", data=form, headers=headers) if asked else server.get(f"/fhir/{kind}")
        )
        if answer.status_code == 200:
            got[key] = answer.get_json()
    return got


def test_prefetch_is_what_the_demo_would_send(server: FlaskClient) -> None:
    got = as_sandbox(server, "tryout-patient")
    context = {"patientId": "tryout-patient", "userId": "Practitioner/COREPRACTITIONER1"}
    expected = answer_prefetch(patient.bundle(TODAY), TEMPLATES, context, TODAY)
    for key in ("conditions", "b12", "medications"):
        assert got[key] == expected[key]
    assert got["b12"]["total"] == 1
    assert got["patient"]["id"] == "tryout-patient"
    assert got["user"]["id"] == "COREPRACTITIONER1"


def test_what_a_case_does_not_deliver_fails_and_is_no_empty_list(server: FlaskClient) -> None:
    assert set(as_sandbox(server, "syn-bypass")) == set(TEMPLATES) - {"b12"}


def test_patients_are_listed_with_names_that_the_sandbox_can_show(server: FlaskClient) -> None:
    listed = server.get("/fhir/Patient").get_json()
    assert (listed["type"], listed["total"]) == ("searchset", 2)
    shown = {}
    for entry in listed["entry"]:
        name = entry["resource"]["name"][0]
        shown[entry["resource"]["id"]] = f"{' '.join(name['given'])} {name['family']}"  # as the Sandbox does
    assert shown == {
        "tryout-patient": f"Synthetic: {shelf.BUILT_IN}",
        "syn-bypass": "Synthetic: After a <bypass>",
    }


def test_it_says_that_it_is_r4(server: FlaskClient) -> None:
    told = server.get("/fhir/metadata").get_json()
    assert (told["resourceType"], told["fhirVersion"]) == ("CapabilityStatement", "4.0.1")
    kinds = {
        one["type"]: [param["name"] for param in one.get("searchParam", [])] for one in told["rest"][0]["resource"]
    }
    assert set(kinds["Observation"]) == {"patient", "code", "category", "status", "date"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/fhir/Patient/nobody", 404),
        ("GET", "/fhir/Observation", 400),
        ("GET", "/fhir/Observation?patient=tryout-patient&value-quantity=gt5", 400),
        ("GET", "/fhir/Observation?patient=%FF", 200),
        ("GET", "/fhir/Basic?patient=tryout-patient", 400),
        ("GET", "/fhir/..%2F?patient=x", 404),
        ("POST", "/fhir/Observation/_search", 415),
        ("POST", "/fhir/Observation", 405),
        ("PUT", "/fhir/Patient/tryout-patient", 405),
        ("DELETE", "/fhir/Patient/tryout-patient", 405),
        ("GET", "/nothing", 404),
    ],
)
def test_refusals_say_why_and_may_be_read_by_the_sandbox(
    server: FlaskClient, method: str, path: str, status: int
) -> None:
    headers = {"Origin": "https://sandbox.cds-hooks.org"}
    answer = server.open(path, method=method, headers=headers, data=b"x" if method == "POST" else None)
    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == "https://sandbox.cds-hooks.org"
    if status != 200:
        assert answer.get_json()["resourceType"] == "OperationOutcome"
        assert answer.get_json()["issue"][0]["details"]["text"]


def test_a_form_that_is_too_long_is_refused(server: FlaskClient) -> None:
    form = {"patient": "x" * 200_000}
    assert server.post("/fhir/Condition/_search", data=form).status_code == 413


@pytest.mark.parametrize(
    ("origin", "may"),
    [
        ("https://sandbox.cds-hooks.org", True),
        ("http://localhost:8090", True),
        ("http://[::1]:8084", True),
        ("http://sandbox.cds-hooks.org", False),
        ("https://elsewhere.example", False),
        ("http://localhost.elsewhere.example", False),
        ("null", False),
        ("http://[::1", False),
    ],
)
def test_the_sandbox_and_pages_of_this_machine_may_read(server: FlaskClient, origin: str, may: bool) -> None:
    for method in ("OPTIONS", "GET"):
        answer = server.open("/fhir/Patient", method=method, headers={"Origin": origin})
        assert answer.headers.get("Access-Control-Allow-Origin") == (origin if may else None)
    preflight = server.options("/fhir/Condition/_search", headers={"Origin": origin})
    assert preflight.status_code == 204
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize("host", ["elsewhere.example", "localhost.elsewhere.example:8083", "192.0.2.1", "[::1"])
def test_a_name_that_leads_here_from_elsewhere_is_refused(server: FlaskClient, host: str) -> None:
    answer = server.get("/fhir/Patient", headers={"Host": host})
    assert answer.status_code == 403
    assert "tryout" not in answer.text


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [(tag, str(value)) for name, value in attrs if name in ("href", "src", "style", "onclick")]


def test_the_page_links_each_patient_and_escapes_what_it_shows(server: FlaskClient) -> None:
    answer = server.get("/")
    assert "script" not in answer.headers["Content-Security-Policy"]
    assert "After a &lt;bypass&gt;" in answer.text
    assert "Why &amp; how." in answer.text
    parser = _Links()
    parser.feed(answer.text)
    links = [value for tag, value in parser.found if tag == "a"]
    assert [value for tag, value in parser.found if tag != "a"] == ["/patients.css"]
    assert len(links) == 6
    first = urlsplit(links[0])
    assert f"{first.scheme}://{first.netloc}" == "https://sandbox.cds-hooks.org"
    assert parse_qs(first.query) == {
        "fhirServiceUrl": ["http://localhost:8083/fhir"],
        "patientId": ["tryout-patient"],
        "serviceDiscoveryURL": ["http://localhost:8080/cds-services"],
        "hook": ["patient-view"],
        "screen": ["patient-view"],
    }
    assert server.get("/patients.css").headers["Content-Type"].startswith("text/css")


def test_without_a_workbench_the_built_in_patient_is_there_and_it_is_said() -> None:
    with socket.socket() as taken:  # nobody listens there
        taken.bind(("127.0.0.1", 0))
        alone = shelf.of_workbench(f"http://127.0.0.1:{taken.getsockname()[1]}", TODAY)
    assert [one.id for one in alone.patients] == ["tryout-patient"]
    assert len(alone.told) == 1
    assert "Start make run" in alone.told[0]


def test_own_bundles_are_served_with_a_condition_and_readable_names(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(CASE))
    one = shelf.of_files(tmp_path, TODAY, ("http://hl7.org/fhir/sid/icd-10-cm", "G24.9"))
    conditions = one.record.of_type("Condition")
    assert [condition.get("code", {}).get("coding", [{}])[0].get("code") for condition in conditions] == [None, "G24.9"]
    (served,) = one.record.of_type("Patient")
    assert served["name"] == [{"given": ["Patient syn-bypass"], "family": "(syn-bypass)"}]
    assert "name" not in read_record(CASE).of_type("Patient")[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        ("{", "not JSON"),
        ("[]", "not a FHIR Bundle"),
        ('{"resourceType": "Bundle"}', "no Patient in it"),
    ],
)
def test_a_file_that_cannot_be_served_is_said(tmp_path: Path, content: str | None, words: str) -> None:
    file = tmp_path / "bundle.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(shelf.Unusable, match=words):
        shelf.of_files(file, TODAY)


def test_a_taken_port_is_named_and_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        ports, "faults", lambda wanted: [f"port {port} ({name}) is taken" for name, port in wanted.items()]
    )
    monkeypatch.setenv("FHIR_PORT", "8099")
    assert __main__.main(["fhir"]) == 2
    assert capsys.readouterr() == ("", "Nothing was started: port 8099 (FHIR_PORT) is taken\n")


@pytest.mark.parametrize("url", ["sandbox", "ftp://x", "http://", "javascript:alert(1)"])
def test_an_address_of_the_sandbox_is_http(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        __main__.main(["fhir", "--sandbox", url])
    assert "--sandbox" in capsys.readouterr().err
