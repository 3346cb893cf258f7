"""The trace context of a caller goes on to the service behind, and nothing else of it."""

from typing import Any

SENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
VIEW = "/cds-services/dystonia-patient-view"


def test_the_context_is_passed_on_and_no_word_beside_it(gateway: Any, call: Any, stub: Any) -> None:
    client = gateway()
    for sent in (SENT, "zz-not-a-context"):
        client.post(VIEW, json=call, headers={"traceparent": sent, "tracestate": "zz=1", "baggage": "zz=1"})
    first, second = (headers for method, _, headers, _ in stub.calls if method == "POST")
    assert {name.lower(): value for name, value in first.items()}["traceparent"] == SENT
    assert not {"tracestate", "baggage"} & {name.lower() for name in first}
    assert "traceparent" not in {name.lower() for name in second}
