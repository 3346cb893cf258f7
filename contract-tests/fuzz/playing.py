"""Plays requests on a stack and keeps count: how many of each operation, with which answers, and what failed."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import requests
from attack.field import GATEWAY, TRY_OUT, Field
from contract import schemas
from hypothesis import HealthCheck, Phase, given, seed, settings

from fuzz import examples

BATCH: Final = 250
"""Examples between two looks at the clock."""

_MOST_FAILURES: Final = 5


@dataclass(frozen=True)
class Bounds:
    """How much is tried.

    Attributes:
        examples: requests for each operation and mode.
        seconds: after which an operation is left.
        seed: the same seed tries the same requests.
        only: a part of the names of operations; empty: all.
    """

    examples: int
    seconds: float
    seed: int
    only: str = ""


@dataclass
class Tally:
    """What came of one operation."""

    name: str
    begun: float
    answers: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many requests were answered, or were to be."""
        return self.answers.total()

    def line(self, bounds: Bounds) -> str:
        """One line for people."""
        said = ", ".join(f"{status}: {number}" for status, number in sorted(self.answers.items()))
        cut = f"; CUT by FUZZ_SECONDS={bounds.seconds:g}" if self.count < bounds.examples else ""
        seconds = time.monotonic() - self.begun
        return f"{self.name}: {self.count} examples in {seconds:.0f} s{cut}; answers {said or 'none'}"


def played(stack: Field, bounds: Bounds) -> int:
    """Play every operation in both modes; 0 when nothing failed."""
    print(
        f"seed {bounds.seed}, {bounds.examples} examples for each operation, at most {bounds.seconds:g} s", flush=True
    )
    tallies: list[Tally] = []
    for mode, token in ((TRY_OUT, _no_token), (GATEWAY, _production_token)):
        for operation, strategy in _operations(stack, mode):
            name = f"{mode}: {operation.label}"
            if bounds.only in name:
                tallies.append(_tried(name, operation, strategy, _sender(stack, mode, token), bounds))
                print(tallies[-1].line(bounds), flush=True)
    failures = [f"{tally.name}: {failure}" for tally in tallies for failure in tally.failures]
    failures += [f"{name} has ended" for name in stack.stack.ended()]
    for failure in failures:
        print(f"FAILED {failure}", flush=True)
    empty = not tallies or not all(tally.count for tally in tallies)
    if empty:
        print("FAILED: an operation was not tried at all", flush=True)
    total = sum(tally.count for tally in tallies)
    print(f"{total} examples on {len(tallies)} operations, {len(failures)} failures", flush=True)
    return 1 if failures or empty else 0


Operation = Any
"""A `schemathesis` operation."""


def _operations(stack: Field, mode: str) -> Iterator[tuple[Operation, Any]]:
    """The operations of a gateway, as its own document has them. Public reading is the same in both modes."""
    base = stack.stack.url(mode)
    document = requests.get(f"{base}/openapi.json", timeout=10).json()
    services = requests.get(f"{base}/cds-services", headers=_headers(stack, mode), timeout=10).json()["services"]
    by_path = {f"/cds-services/{service['id']}": service for service in services}
    for operation, guarded in examples.operations(document):
        if mode == TRY_OUT or guarded:
            yield operation, examples.of(operation, by_path)


def _headers(stack: Field, mode: str) -> Mapping[str, str]:
    return {} if mode == TRY_OUT else {"Authorization": f"Bearer {stack.token('/cds-services')}"}


Token = Callable[[Field, str], str]


def _no_token(_: Field, __: str) -> str:
    return ""


def _production_token(stack: Field, path: str) -> str:
    """What opens this path: the operator's secret or a new token of a client."""
    if path.startswith(("/prefetch-doctor", "/trace", "/report", "/studio")):
        return (stack.stack.folder / "operator.token").read_text("utf-8")
    return stack.token(path)


def _sender(stack: Field, mode: str, token: Token) -> examples.Sender:
    session = requests.Session()
    session.trust_env = False
    base = stack.stack.url(mode)

    def send(case: examples.Case) -> requests.Response:
        secret = token(stack, case.operation.path)
        stack.spent.clear()
        own = {"Authorization": f"Bearer {secret}"} if secret else {}
        answer: requests.Response = case.call(
            base_url=base, session=session, headers=own, timeout=30, allow_redirects=False
        )
        return answer

    return send


def _tried(name: str, operation: Operation, strategy: Any, send: examples.Sender, bounds: Bounds) -> Tally:
    """One operation, batch by batch, until there are enough examples or the time is over."""
    tally = Tally(name, time.monotonic())
    number = 0
    while tally.count < bounds.examples and time.monotonic() - tally.begun < bounds.seconds:
        before = tally.count

        @seed(bounds.seed * 1_000_003 + number)
        @settings(
            max_examples=min(BATCH, bounds.examples - before),
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def batch(case: examples.Case) -> None:
            _one(tally, case, send)

        batch()
        number += 1
        if tally.count == before:
            break
    return tally


def _one(tally: Tally, case: examples.Case, send: examples.Sender) -> None:
    try:
        answer = send(case)
    except requests.RequestException as error:
        tally.answers[0] += 1
        _note(tally, case, f"no answer ({type(error).__name__})")
        return
    tally.answers[answer.status_code] += 1
    if answer.status_code >= 500:
        _note(tally, case, f"{answer.status_code} {answer.text[:300]}")
    elif answer.status_code >= 400 and (wrong := _outcome_faults(answer)):
        _note(tally, case, f"{answer.status_code}: {wrong}")


def _outcome_faults(answer: Any) -> str:
    """Why a refusal is no OperationOutcome with a request id; empty when it is one."""
    try:
        document = json.loads(answer.content)
    except ValueError:
        return "no JSON"
    if found := schemas.faults("operation-outcome", document):
        return found[0]
    named = answer.headers.get("x-request-id", ["?"])
    return "" if named[0] in document["issue"][0].get("diagnostics", "") else "no request id"


def _note(tally: Tally, case: examples.Case, what: str) -> None:
    if len(tally.failures) < _MOST_FAILURES:
        sent = {
            "headers": dict(case.headers or {}),
            "query": case.query,
            "path": case.path_parameters,
            "body": case.body,
        }
        tally.failures.append(f"{what}\n    sent {json.dumps(sent, default=repr)[:2000]}")
