"""What the services behind the gateway are told of a caller."""

import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest

from chassis import peers
from gateway.addresses import FhirServer
from gateway.clients import Client
from gateway.introduction import introduce, introduce_for_feedback

EHR = Client(
    "ehr", "https://ehr.example", dialect="epic", prefetch_keys={"patient": "pt"},
    override_reasons={"45": "not-indicated"},
    fhir_servers=(FhirServer("https://ehr.example/fhir/r4"), FhirServer("https://*.sites.example/fhir")),
)  # fmt: skip


def fhir(said: object, client: Client | None = EHR, *, try_out: bool = False) -> Any:
    return introduce(client, "", said, try_out=try_out)["fhir"]


def test_a_client_is_told_with_all_that_is_agreed() -> None:
    assert introduce(EHR, "north", "https://ehr.example/fhir/r4/", try_out=False) == {
        "client": "ehr", "tenant": "north", "dialect": "epic", "prefetchKeys": {"patient": "pt"},
        "fhir": {"base": "https://ehr.example/fhir/r4", "public_only": False, "why": ""},
    }  # fmt: skip


def test_with_feedback_goes_how_the_reasons_of_the_site_are_read() -> None:
    assert introduce_for_feedback(EHR, "north") == {
        "client": "ehr", "tenant": "north", "dialect": "epic", "overrideReasons": {"45": "not-indicated"},
    }  # fmt: skip
    assert introduce_for_feedback(None, "") == {
        "client": "anonymous", "tenant": "", "dialect": "sandbox", "overrideReasons": {},
    }  # fmt: skip


def test_one_of_a_family_of_servers_must_have_a_public_address() -> None:
    assert fhir("https://a.sites.example/fhir") == {
        "base": "https://a.sites.example/fhir", "public_only": True, "why": ""
    }  # fmt: skip


@pytest.mark.parametrize(
    "said",
    [
        "https://ehr.example/fhir/r4/../x", "https://ehr.example/fhir", "https://EHR.example/fhir/r4",
        "http://ehr.example/fhir/r4", "https://ehr.example:444/fhir/r4", "https://ehr.example/fhir/r4?x=1",
        "https://a.b.sites.example/fhir", "https://sites.example/fhir", "https://evil.example/.sites.example/fhir",
        "https://u@ehr.example/fhir/r4", "http://localhost:9999/fhir", "https://ehr.example/fhir/r4//",
    ],
)  # fmt: skip
def test_a_server_that_is_not_listed_is_not_asked(said: str) -> None:
    assert fhir(said) == {"base": "", "public_only": False, "why": "not-listed"}


@pytest.mark.parametrize("said", [None, "", 1, [], {}])
def test_without_a_server_there_is_none(said: object) -> None:
    assert fhir(said)["why"] == "none"


def test_a_try_out_may_ask_this_machine_and_no_other() -> None:
    assert fhir("http://localhost:9999/fhir", None, try_out=True)["base"] == "http://localhost:9999/fhir"
    assert fhir("http://169.254.169.254/latest", None, try_out=True)["why"] == "not-listed"
    assert introduce(None, "", None, try_out=True)["client"] == "anonymous"
    assert introduce(None, "", None, try_out=True)["dialect"] == "sandbox"


def test_every_call_introduces_its_caller(client: Any, stub: Any, call: Any) -> None:
    client.post("/cds-services/dystonia-patient-view", json={**call, "fhirServer": "http://127.0.0.1:9/fhir"})
    ((_, _, headers, _),) = stub.calls
    claims = headers[peers.HEADER].split(".")[1]
    told = json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert told["by"] == "gateway"
    assert told["to"] == "POST /cds-services/dystonia-patient-view"
    assert told["caller"]["client"] == "anonymous"
    assert told["caller"]["fhir"]["base"] == "http://127.0.0.1:9/fhir"
