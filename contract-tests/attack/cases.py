"""What a row of the suite is, and what is wrong with the reply that it got."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from contract import schemas

from attack.sending import LISTED, Reply

OK: Final = 200


@dataclass(frozen=True)
class Answer:
    """The exact answer that is due.

    Attributes:
        status: HTTP status; 0: the connection is closed without an answer.
        code: code of the one issue of the OperationOutcome.
        words: stands in what the issue says.
        headers: name -> what its value must hold; empty: that it is there.
        without: headers that must not be there.
        outcome: whether an OperationOutcome with a request id is due; False for what is no refusal.
        cors: whether CORS headers are due: not where the server refuses before our application is asked, and
            not from the services behind the gateway.
    """

    status: int
    code: str = ""
    words: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    outcome: bool = True
    cors: bool = True


@dataclass(frozen=True)
class Case:
    """A row.

    Attributes:
        group: which table.
        name: what is tried, in words.
        send: does it.
        answer: what must come back.
        control: this must be let in, so that the suite cannot pass by refusing everything.
        after: what is wrong besides the reply, looked at once it is there.
    """

    group: str
    name: str
    send: Callable[[], Reply]
    answer: Answer
    control: bool = False
    after: Callable[[Reply], list[str]] = field(default=lambda _: [])


def faults(reply: Reply, answer: Answer) -> list[str]:
    """What is wrong with a reply, in words; empty when it is the one that is due."""
    if reply.status != answer.status:
        return [f"{reply.status or 'no answer'} instead of {answer.status or 'none'}: {_said(reply)}"]
    found = [*_header_faults(reply, answer)]
    if reply.more:
        found.append("something follows the answer")
    if answer.outcome:
        found += [*_outcome_faults(reply, answer), *(_cors_faults(reply) if answer.cors else [])]
    elif answer.words and answer.words not in reply.body.decode("utf-8", "replace"):
        found.append(f"the answer does not say {answer.words!r}")
    return found


def _said(reply: Reply) -> str:
    document = reply.json()
    if isinstance(document, dict) and document.get("resourceType") == "OperationOutcome":
        return str(document["issue"][0].get("details", {}).get("text", ""))
    return reply.body[:200].decode("utf-8", "replace")


def _outcome_faults(reply: Reply, answer: Answer) -> Iterator[str]:
    if not reply.header("Content-Type").startswith("application/fhir+json"):
        yield f"content type {reply.header('Content-Type') or 'none'}"
        return
    document = reply.json()
    if wrong := schemas.faults("operation-outcome", document):
        yield from wrong
        return
    issue = document["issue"][0]
    if issue["code"] != answer.code:
        yield f"issue code {issue['code']} instead of {answer.code}"
    if answer.words not in issue["details"]["text"]:
        yield f"the words are: {issue['details']['text']}"
    request_id = reply.header("X-Request-Id")
    if not request_id or request_id not in issue.get("diagnostics", ""):
        yield "the request id is not in both header and outcome"


def _cors_faults(reply: Reply) -> Iterator[str]:
    allowed = reply.header("Access-Control-Allow-Origin")
    if reply.origin in LISTED and allowed != reply.origin:
        yield "a page of a listed origin cannot read this refusal"
    if reply.origin not in LISTED and allowed:
        yield "an origin that is not listed is allowed"
    if "Origin" not in reply.header("Vary"):
        yield "Vary does not name Origin"


def _header_faults(reply: Reply, answer: Answer) -> Iterator[str]:
    for name, part in answer.headers.items():
        value = reply.header(name)
        if not value or part not in value:
            yield f"header {name}: {value or 'missing'}"
    for name in answer.without:
        if reply.header(name):
            yield f"header {name} is there"
    if answer.status in (429, 503) and not reply.header("Retry-After").isdigit():
        yield "no Retry-After in whole seconds"
    if answer.status == 405 and not reply.header("Allow"):
        yield "no Allow"
    if answer.status >= 400 and answer.outcome and reply.header("Cache-Control") != "no-store":
        yield "a refusal that may be stored"
