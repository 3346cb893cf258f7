"""Where faults are played: the stack as it is deployed, with lines around it that can be cut."""

import contextlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from attack.field import body, chart
from attack.signing import ec_signer
from attack.traps import Traps, traps
from crash import stack
from crash.load import SERVICE, body_of_a_call
from crash.stack import CONTENT, GATEWAY, SCREENING, Known, Service, Stack
from cryptography.hazmat.primitives.asymmetric import ec

from chassis import testing_postgresql
from faults.calling import CALL, DISCOVERY, Caller
from faults.disks import small_disk
from faults.holding import LeftOut
from faults.lines import Line
from tryout.ehr import answer_prefetch

KEYS_PATH: Final = "/jwks.json"
PUBLISHING: Final = "delta"
"""The client whose keys are fetched."""
STORE: Final = "store"
LEDGER: Final = "ledger"
REFRESH_S: Final = 1.0
"""How often screening asks content for other texts; 30 s as it is deployed, which would only be waited for."""

SECOND_HOST: Final = "127.0.0.2"


@dataclass(frozen=True)
class Lines:
    """Lines that can be cut: to content, to the EHR, and to the publisher of keys."""

    content: Line
    ehr: Line
    keys: Line

    def mend(self) -> None:
        """All of them."""
        for one in (self.content, self.ehr, self.keys):
            one.mend()

    def cut(self) -> None:
        """All of them."""
        for one in (self.content, self.ehr, self.keys):
            one.cut()


@dataclass
class Ground:
    """The stack, and what is around it.

    Attributes:
        stack: content, screening, gateway; not all of them need run.
        lines: to what they need.
        around: the EHR and the publisher of keys.
        body: of a call, with `@patient` and `@call`.
        servers: PostgreSQL of the store and of the ledger, where there are such.
        door: base URL of what is called; the gateway, unless something stands before it.
        shared: whether one fault after the other may be played on it.
    """

    stack: Stack
    lines: Lines
    around: Traps
    servers: Mapping[str, testing_postgresql.Server]
    door: str = ""
    shared: bool = False

    @cached_property
    def body(self) -> str:
        """Of a call with everything in prefetch, `@patient` and `@call` where its ids belong."""
        return body_of_a_call(self.stack)

    @property
    def content(self) -> Service:
        return self.stack.services[CONTENT]

    @property
    def screening(self) -> Service:
        return self.stack.services[SCREENING]

    @property
    def gateway(self) -> Service:
        return self.stack.services[GATEWAY]

    def start(self, *names: str) -> None:
        """Begin all services, or those named, and wait until they are ready."""
        for name in names or stack.SERVICES:
            self.stack.services[name].start()
        self.stack.wait_until_ready(*(names or stack.SERVICES))

    def client(self, name: str) -> Known:
        """The client of this name."""
        return next(one for one in self.stack.clients if one.name == name)

    def caller(self, client: str = "alpha") -> Caller:
        """A caller with connections of its own."""
        return Caller(self.client(client), self.door or self.stack.door, self.body)

    def callers(self, count: int) -> list[Caller]:
        """Callers of three clients in turn."""
        names = ("alpha", "beta", "gamma")
        return [self.caller(names[number % len(names)]) for number in range(count)]

    def body_for_ehr(self) -> str:
        """A call that brings nothing, and names the EHR."""
        granted = {"access_token": "synthetic", "token_type": "Bearer", "expires_in": 300}
        server = {"fhirServer": f"{self.lines.ehr.url}/fhir", "fhirAuthorization": granted}
        return json.dumps(body(hookInstance=CALL, **server))

    def prefetch_of_chart(self) -> dict[str, Any]:
        """What an EHR that has the patient of `body_for_ehr` answers to our prefetch templates."""
        services = self.caller().send("GET", DISCOVERY).document["services"]
        templates = next(one["prefetch"] for one in services if SERVICE.endswith(one["id"]))
        context = json.loads(self.body_for_ehr())["context"]
        return answer_prefetch(chart(), templates, context, datetime.now(UTC).date())

    def add_replica(self, of: str) -> Service:
        """A second service beside one, on the same port of 127.0.0.2, with its state in the same place; not begun."""
        first = self.stack.services[of]
        environ = {**first.environ, "BIND": f"{SECOND_HOST}:{first.port}"}
        made = replace(first, name=f"{of}-2", environ=environ, host=SECOND_HOST, times=0, child=None)
        self.stack.services[made.name] = made
        return made


@contextlib.contextmanager
def empty(
    further: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    apps: Mapping[str, str] = MappingProxyType({}),
    servers: Mapping[str, testing_postgresql.Server] = MappingProxyType({}),
) -> Iterator[Ground]:
    """A ground on which no service runs yet; `further` and `apps` as for `crash.stack.prepared`."""
    with tempfile.TemporaryDirectory(prefix="faults-") as name, traps(chart(), "") as around:
        lines = Lines(Line(), Line(around.ehr), Line(around.publisher))
        clients = [*stack.known(), _publishing(PUBLISHING, lines.keys)]
        clients[0] = replace(clients[0], members={"fhirServers": [f"{lines.ehr.url}/fhir"]})
        around.published[KEYS_PATH] = {"keys": [one.signer.public_jwk() for one in clients]}
        usual = {"CONTENT_URL": lines.content.url, "GRACEFUL_TIMEOUT": "20", "CONTENT_REFRESH_SECONDS": f"{REFRESH_S}"}
        made = {name: {**usual, **further.get(name, {})} for name in stack.SERVICES}
        ground = Ground(stack.prepared(Path(name), clients, made, apps), lines, around, servers)
        lines.content.lead_to(ground.content.port)
        with stack.ended_afterwards(ground.stack):
            yield ground
        lines.cut()


@contextlib.contextmanager
def plain() -> Iterator[Ground]:
    """Everything runs, with SQLite files."""
    with empty() as ground:
        ground.start()
        ground.shared = True
        yield ground


@contextlib.contextmanager
def with_small_disks() -> Iterator[Ground]:
    """Everything runs, with SQLite files on disks that are small where such can be made."""
    with contextlib.ExitStack() as both:
        ground = both.enter_context(empty())
        for one in (ground.screening, ground.gateway):
            both.enter_context(small_disk(Path(one.environ["STATE_DIR"])))
        ground.start()
        ground.shared = True
        yield ground


@contextlib.contextmanager
def before_postgresql() -> Iterator[Ground]:
    """Nothing runs yet; store and ledger are to be in PostgreSQL servers, which do run.

    Raises:
        LeftOut: there is none on this machine.
    """
    binaries = testing_postgresql.tools()
    if binaries is None:
        raise LeftOut(testing_postgresql.NOT_HERE)
    with contextlib.ExitStack() as both:
        servers = {name: both.enter_context(testing_postgresql.running(binaries)) for name in (STORE, LEDGER)}
        further = {
            SCREENING: {"STORE_URL": servers[STORE].url},
            GATEWAY: {"REPLAY_STORE_URL": servers[LEDGER].url},
        }
        yield both.enter_context(empty(further, servers=servers))


@contextlib.contextmanager
def with_postgresql() -> Iterator[Ground]:
    """Everything runs; store and ledger each have a PostgreSQL server.

    Raises:
        LeftOut: there is none on this machine.
    """
    with before_postgresql() as ground:
        ground.start()
        ground.shared = True
        yield ground


def _publishing(name: str, line: Line) -> Known:
    """A client whose keys have to be fetched."""
    signer = ec_signer(f"{name}-1", ec.SECP256R1())
    return Known(name, "", signer, {"jwksUrl": f"{line.url}{KEYS_PATH}"})
