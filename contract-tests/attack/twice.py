"""Twice and too often: replay, at one worker and at two at once, rates, services that were not agreed, rotation."""

import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from attack.cases import Answer, Case
from attack.field import DISCOVERY, FEEDBACK, SELECT, SERVICE, Field, body, encoded
from attack.sending import Reply
from attack.signing import Signer, ec_signer

GROUP: Final = "twice"
_REPLAYED: Final = Answer(401, "login", "jti", {"WWW-Authenticate": "invalid_token"})
_FINE: Final = Answer(200, outcome=False)
_AT_ONCE: Final = 12
_ROUNDS: Final = 5


def table(field: Field) -> list[Case]:
    """All rows about what may be done once, or not so often. They are played in this order."""
    return [*_replays(field), *_agreed(field), *_rates(field), *_rotation(field)]


def _replays(field: Field) -> Iterator[Case]:
    used = [field.bearer(DISCOVERY)]
    yield Case(GROUP, "the first use of a token", partial(field.get, DISCOVERY, used), _FINE, control=True)
    for number in range(1, 5):
        yield Case(GROUP, f"use {number + 1} of a token", partial(field.get, DISCOVERY, used), _REPLAYED)
    same = {"jti": "chosen-by-the-client"}
    first = [field.bearer(DISCOVERY, **same)]
    yield Case(GROUP, "a jti of the client's choice", partial(field.get, DISCOVERY, first), _FINE, control=True)
    again = [field.bearer(DISCOVERY, **same)]
    yield Case(GROUP, "another token with that jti", partial(field.get, DISCOVERY, again), _REPLAYED)
    rsa = [field.bearer(DISCOVERY, signer=field.rsa, **same)]
    yield Case(GROUP, "that jti under the client's other key", partial(field.get, DISCOVERY, rsa), _REPLAYED)
    elsewhere = [field.bearer(FEEDBACK, **same)]
    sent = partial(field.post, FEEDBACK, b'{"feedback": []}', elsewhere)
    yield Case(GROUP, "that jti at another address", sent, _REPLAYED)
    theirs = [field.bearer(DISCOVERY, "epsilon", **same)]
    yield Case(GROUP, "that jti from another issuer", partial(field.get, DISCOVERY, theirs), _FINE, control=True)
    for number in range(1, _ROUNDS + 1):
        yield Case(GROUP, f"{_AT_ONCE} uses at the same moment, round {number}", partial(_at_once, field), _REPLAYED)
    call = [field.bearer(SERVICE)]
    once = partial(field.post, SERVICE, encoded(body()), call)
    yield Case(GROUP, "a call", once, Answer(412, "required"), control=True)
    yield Case(GROUP, "the same call again", once, _REPLAYED)
    wasted = [field.bearer(SERVICE)]
    wrong = partial(field.post, SERVICE, b"{", wasted)
    yield Case(GROUP, "a call that is refused for its body", wrong, Answer(400, "invalid"))
    yield Case(GROUP, "its token once more", partial(field.post, SERVICE, encoded(body()), wasted), _REPLAYED)


def _at_once(field: Field) -> Reply:
    """One token on many connections at the same moment: one of the refusals, if exactly one was let in."""
    token = [field.bearer(DISCOVERY)]
    start = threading.Barrier(_AT_ONCE)

    def use() -> Reply:
        start.wait(timeout=10)
        return field.get(DISCOVERY, token)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        replies = [use.result() for use in [pool.submit(use) for _ in range(_AT_ONCE)]]
    refused = [reply for reply in replies if reply.status != 200]
    return (
        refused[0] if len(refused) == _AT_ONCE - 1 else Reply(200, body=b"%d were let in" % (_AT_ONCE - len(refused)))
    )


def _agreed(field: Field) -> Iterator[Case]:
    """Client epsilon may use one service of the three."""
    refused = Answer(403, "forbidden", "services")
    select = encoded(body(hook="order-select"))
    sent = [field.bearer(SELECT, "epsilon")]
    yield Case(GROUP, "a service that was not agreed", partial(field.post, SELECT, select, sent), refused)
    sent = [field.bearer(f"{SELECT}/feedback", "epsilon")]
    told = partial(field.post, f"{SELECT}/feedback", b'{"feedback": []}', sent)
    yield Case(GROUP, "feedback for a service that was not agreed", told, refused)
    own = partial(field.call, SERVICE, client="epsilon")
    yield Case(GROUP, "the service that was agreed", own, Answer(412, "required"), control=True)
    listed = partial(field.get, DISCOVERY, [field.bearer(DISCOVERY, "epsilon")])
    yield Case(GROUP, "discovery of that client", listed, _FINE, control=True, after=_one_service)


def _one_service(reply: Reply) -> list[str]:
    ids = [service["id"] for service in reply.json()["services"]]
    return [] if ids == ["dystonia-patient-view"] else [f"discovery lists {', '.join(ids)}"]


def _rates(field: Field) -> Iterator[Case]:
    """Client zeta may call three times at once, and then six times a minute."""
    for number in range(1, 4):
        sent = partial(field.get, DISCOVERY, [field.bearer(DISCOVERY, "zeta")])
        yield Case(GROUP, f"call {number} of a client with a rate", sent, _FINE, control=True)
    limit = Answer(429, "throttled", "rate", {"Retry-After": ""})
    for name, path, content in (
        ("discovery", DISCOVERY, b""),
        ("a call", SERVICE, encoded(body())),
        ("feedback", FEEDBACK, b'{"feedback": []}'),
    ):
        token = [field.bearer(path, "zeta")]
        sent = partial(field.post, path, content, token) if content else partial(field.get, path, token)
        yield Case(GROUP, f"too often: {name}", sent, limit)
    many = partial(_flood, field)
    yield Case(GROUP, "too often: twenty at the same moment", many, limit)
    others = partial(field.get, DISCOVERY, [field.bearer(DISCOVERY)])
    yield Case(GROUP, "another client meanwhile", others, _FINE, control=True)


def _flood(field: Field) -> Reply:
    tokens = [[field.bearer(DISCOVERY, "zeta")] for _ in range(20)]
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda token: field.get(DISCOVERY, token), tokens))
    let_in = sum(reply.status == 200 for reply in replies)
    return Reply(200, body=b"%d were let in" % let_in) if let_in > 1 else next(r for r in replies if r.status != 200)


def _rotation(field: Field) -> Iterator[Case]:
    """Client beta publishes another key: it is fetched once, and the old one goes. Then its publisher is down."""
    new = ec_signer("beta-2")
    old = field.clients["beta"].signer

    def publish(document: dict[str, object] | None) -> None:
        field.traps.published["/jwks.json"] = document

    def rotated() -> Reply:
        publish({"keys": [new.public_jwk()]})
        return _worst(_burst(field, new))

    yield Case(GROUP, "a new key of a client is found", rotated, _FINE, control=True)
    gone = partial(_withdrawn, field, old, new)
    unknown = Answer(401, "login", "(kid)", {"WWW-Authenticate": "invalid_token"})
    yield Case(GROUP, "the key that is not published any more", gone, unknown)

    def down() -> Reply:
        publish(None)
        return field.get(DISCOVERY, [field.bearer(DISCOVERY, "beta", signer=new)])

    yield Case(GROUP, "the last good keys while the publisher is down", down, _FINE, control=True)
    stranger = [field.bearer(DISCOVERY, "beta", signer=field.stranger)]

    def unread() -> Reply:
        reply = field.get(DISCOVERY, stranger)
        publish({"keys": [new.public_jwk()]})
        return reply

    yield Case(GROUP, "an unknown key while the publisher is down", unread, unknown)
    yield Case(GROUP, "a flood of unknown kids", partial(_kids, field), unknown, after=partial(_once, field))


def _burst(field: Field, signer: Signer) -> list[Reply]:
    """Tokens of this key on many connections at once, so that both workers get some."""
    tokens = [[field.bearer(DISCOVERY, "beta", signer=signer)] for _ in range(24)]
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda token: field.get(DISCOVERY, token), tokens))


def _worst(replies: list[Reply]) -> Reply:
    """The first that was not let in, if there is one."""
    return next((reply for reply in replies if reply.status != 200), replies[0])


def _withdrawn(field: Field, old: Signer, new: Signer) -> Reply:
    """A token of the old key, once both workers have seen the new one."""
    for _ in range(20):
        replies = _burst(field, old)
        if all(reply.status != 200 for reply in replies):
            return replies[0]
        _burst(field, new)
    return Reply(200, body=b"the old key is still good at a worker")


def _kids(field: Field) -> Reply:
    """Tokens with ten new kids; the last answer."""
    field.traps.seen.keys.clear()
    reply = Reply(0)
    for _ in range(10):
        token = field.bearer(DISCOVERY, "beta", header={"kid": secrets.token_hex(8)})
        reply = field.get(DISCOVERY, [token])
    return reply


def _once(field: Field, _: Reply) -> list[str]:
    """Each of the two workers may look once, and then has to wait."""
    looks = field.traps.seen.keys.count("/jwks.json")
    return [f"the keys were fetched {looks} times for ten unknown kids"] if looks > 2 else []
