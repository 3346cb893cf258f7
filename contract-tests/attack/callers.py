"""How tokens are presented: in which place, for which address, by whom; and what must be let in."""

import secrets
from collections.abc import Iterator
from functools import partial
from typing import Final

from contract.deployed import PUBLIC_URL

from attack.cases import Answer, Case
from attack.field import BETA_ORIGIN, DISCOVERY, FEEDBACK, SELECT, SERVICE, TRY_OUT, Field, body, encoded, later
from attack.sending import TRY_OUT_ORIGIN
from attack.signing import flipped
from attack.tokens import unauthorized

GROUP: Final = "callers"
_LISTED: Final = Answer(200, outcome=False)
_CHALLENGED: Final = Answer(401, "login", "", {"WWW-Authenticate": "Bearer"})
_TOO_LARGE: Final = Answer(431, "too-long", "headers", cors=False)


def table(field: Field) -> list[Case]:
    """All rows about who calls, and how he says so."""
    return [*_schemes(field), *_elsewhere(field), *_welcome(field)]


def _schemes(field: Field) -> Iterator[Case]:
    """What is no bearer token, and tokens in places where none is looked for."""
    token = field.token(DISCOVERY)
    service = field.token(SERVICE)
    too_long = unauthorized("longer than 8,192 characters")
    for size, answer in ((20_000, too_long), (70_000, _TOO_LARGE)):
        sent = [("Authorization", f"Bearer {_large(field, size)}")]
        yield Case(GROUP, f"a token with a header of {size} bytes", partial(field.get, DISCOVERY, sent), answer)
    sent = [field.bearer(DISCOVERY, junk="x" * 9_000)]
    yield Case(GROUP, "a token with claims of 9 KB", partial(field.get, DISCOVERY, sent), too_long)
    none, odd = unauthorized("bearer token", token=False), unauthorized("Bearer", token=False)
    rows: list[tuple[str, list[tuple[str, str]], Answer]] = [
        ("no Authorization", [], none),
        ("Basic", [("Authorization", "Basic c3ludGhldGljOnN5bnRoZXRpYw==")], odd),
        ("an empty Authorization", [("Authorization", "")], _CHALLENGED),
        ("Bearer and nothing", [("Authorization", "Bearer ")], odd),
        ("a token without Bearer", [("Authorization", token)], odd),
        ("two tokens in one header", [("Authorization", f"Bearer {token} {token}")], _CHALLENGED),
        ("two tokens, a comma between", [("Authorization", f"Bearer {token}, Bearer {token}")], _CHALLENGED),
        ("a token in X-Authorization", [("X-Authorization", f"Bearer {token}")], none),
        ("a token in a cookie", [("Cookie", f"access_token={token}")], none),
        ("a token as Proxy-Authorization", [("Proxy-Authorization", f"Bearer {token}")], none),
        ("DPoP", [("Authorization", f"DPoP {token}")], odd),
    ]
    for name, headers, answer in rows:
        yield Case(GROUP, name, partial(field.get, DISCOVERY, headers), answer)
    twice = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {field.token(DISCOVERY)}")]
    yield Case(GROUP, "two Authorization headers", partial(field.get, DISCOVERY, twice), _CHALLENGED)
    yield Case(GROUP, "a token in the query", partial(field.get, f"{DISCOVERY}?access_token={token}"), none)
    inside = encoded(body(access_token=service))
    yield Case(GROUP, "a token in the body", partial(field.post, SERVICE, inside), none)
    yield Case(GROUP, "no token for a service", partial(field.post, SERVICE, encoded(body())), none)
    yield Case(GROUP, "no token for feedback", partial(field.post, FEEDBACK, b'{"feedback":[]}'), none)


def _large(field: Field, size: int) -> str:
    return field.token(DISCOVERY, header={"junk": "x" * size})


def _elsewhere(field: Field) -> Iterator[Case]:
    """A token for one address at another."""
    words = unauthorized("aud")
    for name, made_for, path in (
        ("a token for a sibling service", SELECT, SERVICE),
        ("a token for discovery at a service", DISCOVERY, SERVICE),
        ("a token for the service at its feedback", SERVICE, FEEDBACK),
        ("a token for feedback at the service", FEEDBACK, SERVICE),
    ):
        sent = [field.bearer(made_for)]
        content = encoded(body() if path == SERVICE else {"feedback": []})
        yield Case(GROUP, name, partial(field.post, path, content, sent), words)
    key = [field.bearer(DISCOVERY, header={"jku": field.clients["beta"].jku}, signer=field.clients["beta"].signer)]
    yield Case(GROUP, "another client's key and jku", partial(field.get, DISCOVERY, key), unauthorized("(jku)"))
    false = [("Authorization", f"Bearer {flipped(field.token(DISCOVERY))}")]
    trying = partial(field.get, DISCOVERY, false, to=TRY_OUT, host="localhost:8080", origin=TRY_OUT_ORIGIN)
    yield Case(GROUP, "try-out: a false token", trying, unauthorized(""))


def _welcome(field: Field) -> Iterator[Case]:
    """What must be let in."""
    here = f"{PUBLIC_URL}{DISCOVERY}"
    rows: dict[str, tuple[str, str]] = {
        "ES384": field.bearer(DISCOVERY),
        "RS384 with a kid in base64": field.bearer(DISCOVERY, signer=field.rsa),
        "an audience in a list": field.bearer(DISCOVERY, aud=[here]),
        "an audience among others": field.bearer(DISCOVERY, aud=["https://other.example", here]),
        "an audience agreed by hand": field.bearer(DISCOVERY, aud="typed by hand"),
        "no jku": field.bearer(DISCOVERY, header={"jku": None}),
        "no typ": field.bearer(DISCOVERY, header={"typ": None}),
        "type in lower case": field.bearer(DISCOVERY, header={"typ": "jwt"}),
        "just expired, within the leeway": field.bearer(DISCOVERY, iat=later(-100), exp=later(-20)),
        "a clock half a minute ahead": field.bearer(DISCOVERY, iat=later(30), exp=later(330)),
        "nbf in the past": field.bearer(DISCOVERY, nbf=later(-10)),
        "times with fractions": field.bearer(DISCOVERY, iat=later(0) + 0.25, exp=later(300) + 0.5),
        "further claims": field.bearer(DISCOVERY, sub="synthetic", tenant="anything", roles=[1]),
        "a tenant that is listed": field.bearer(DISCOVERY, "beta"),
        "the scheme in lower case": ("Authorization", f"bearer {field.token(DISCOVERY)}"),
    }
    for name, header in rows.items():
        yield Case(GROUP, name, partial(field.get, DISCOVERY, [header]), _LISTED, control=True)
    feedback = [field.bearer(FEEDBACK)]
    said = encoded({"feedback": []})
    answer = Answer(200, outcome=False)
    yield Case(
        GROUP, "feedback with its own audience", partial(field.post, FEEDBACK, said, feedback), answer, control=True
    )
    yield Case(GROUP, "a call with its own audience", field.call, Answer(412, "required", "fhirServer"), control=True)
    shared_id = secrets.token_hex(16)
    for client in ("alpha", "epsilon"):
        sent = [field.bearer(DISCOVERY, client, jti=shared_id)]
        yield Case(
            GROUP,
            f"a jti that another issuer uses, too ({client})",
            partial(field.get, DISCOVERY, sent),
            _LISTED,
            control=True,
        )
    ownpage = partial(field.get, DISCOVERY, [field.bearer(DISCOVERY, "beta")], origin=BETA_ORIGIN)
    seen = Answer(200, headers={"Access-Control-Allow-Origin": BETA_ORIGIN}, outcome=False)
    yield Case(GROUP, "an origin of this client alone", ownpage, seen, control=True)
    foreign = partial(field.get, DISCOVERY, [field.bearer(DISCOVERY)], origin=BETA_ORIGIN)
    unseen = Answer(200, without=("Access-Control-Allow-Origin",), outcome=False)
    yield Case(GROUP, "an origin of another client is not named", foreign, unseen, control=True)
    anonymous = partial(field.get, DISCOVERY, to=TRY_OUT, host="localhost:8080")
    yield Case(GROUP, "try-out: this machine without a token", anonymous, Answer(200, outcome=False), control=True)
