"""The trace context of a call goes with what the EHR is asked for it, from another thread, and ends with the call."""

import edge_samples as s
import stub_ehr
from stub_ehr import Reply, searchset

from chassis.testing import CALLER, signed

SENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_the_ehr_gets_the_context_of_the_call_that_asks() -> None:
    call = {key: value for key, value in s.call().items() if key != "prefetch"}
    with stub_ehr.running(lambda _: Reply(body=searchset())) as stub:
        caller = {**CALLER, "fhir": {"base": stub.base, "public_only": False, "why": ""}}
        client = signed(s.application(answer_within=5.0), caller).test_client()
        client.post(s.PATIENT_VIEW, json=call | {"fhirServer": stub.base}, headers={"traceparent": SENT})
        first = len(stub.asked)
        client.post(s.PATIENT_VIEW, json=call | {"fhirServer": stub.base})
        told = [{name.lower(): value for name, value in asked.headers.items()} for asked in stub.asked]
    assert first > 0
    assert len(told) > first
    assert {headers.get("traceparent") for headers in told[:first]} == {SENT}
    assert not [headers for headers in told[first:] if "traceparent" in headers]
