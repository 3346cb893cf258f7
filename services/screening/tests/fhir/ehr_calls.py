"""Calls to a stub EHR: what the tests of the access to EHRs have in common."""

from collections.abc import Sequence

from stub_ehr import Reply, Stub

from screening.fhir.access import Access, Fetched, Query, Server

TOKEN = "synthetic-token-of-this-call"
CONDITIONS = Query("conditions", "Condition", "patient=1")
PATIENT = Query("patient", "Patient/1")
ONE = {"resourceType": "Condition", "id": "c1"}

_MADE: list[Access] = []


def close_all() -> None:
    """Close every access that a test has made."""
    while _MADE:
        _MADE.pop().close()


def new(slots: int = 4, pages: int = 10) -> Access:
    _MADE.append(Access(slots_per_host=slots, max_pages=pages))
    return _MADE[-1]


def once(access: Access, server: Server, queries: Sequence[Query], seconds: float) -> dict[str, Fetched]:
    with access.turn(server) as turn:
        return turn.fetch(queries, seconds)


def fetch(stub: Stub, *queries: Query, seconds: float = 3.0, access: Access | None = None) -> dict[str, Fetched]:
    return once(access or new(), Server(stub.base, TOKEN), queries or (CONDITIONS,), seconds)


def outcome(stub: Stub, reply: Reply, seconds: float = 3.0, query: Query = PATIENT) -> Fetched:
    stub.answers = lambda _: reply
    return fetch(stub, query, seconds=seconds)[query.key]
