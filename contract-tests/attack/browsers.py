"""Browsers of operators: cookies that are forged, old or of a retired secret, forms of other sites, ways elsewhere."""

import hashlib
import time
from collections.abc import Iterator
from functools import partial
from typing import Final
from urllib.parse import urlencode

from contract.deployed import PUBLIC_URL
from itsdangerous import TimestampSigner

from attack.cases import Answer, Case
from attack.field import DISCOVERY, Field
from attack.sending import Headers, Reply
from gateway import sessions

GROUP: Final = "browsers"
_PAGE: Final = "/prefetch-doctor"
_REFUSED: Final = Answer(401, "login", "OPERATOR_TOKEN_FILE", {"WWW-Authenticate": "Bearer"}, without=("Set-Cookie",))
_ELSEWHERE: Final = Answer(403, "forbidden", "sign-in page", without=("Set-Cookie",))
_FORM: Final = ("Content-Type", "application/x-www-form-urlencoded")
_OURS: Final = ("Sec-Fetch-Site", "same-origin")
_REMOVED: Final = b"0123456789abcdef0123456789abcdef-taken-out"
"""A secret that opens nothing here, as one that was taken out of the file."""


class _Earlier(TimestampSigner):
    """Signs as the gateway does, at another moment."""

    def __init__(self, secret: bytes, seconds: float) -> None:
        super().__init__(
            [secret],
            salt=b"dystonia-cds operator session",
            key_derivation="hmac",
            digest_method=hashlib.sha256,
        )
        self._at = int(time.time() + seconds)

    def get_timestamp(self) -> int:
        return self._at


def table(field: Field) -> list[Case]:
    """All rows about browsers of operators."""
    secret = (field.stack.folder / "operator.token").read_bytes().strip()
    field.noted(secret.decode())
    return [*_cookies(field, secret), *_forms(field, secret), *_ways(field, secret)]


def _cookies(field: Field, secret: bytes) -> Iterator[Case]:
    good = _earlier(field, secret, -60)  # none that a sign-in of this suite is given
    said, at, signature = good.split(".")
    name = sessions.name(secure=True)
    for what, cookie in (
        ("none in it", ""),
        ("the word alone", said),
        ("no signature", f"{said}.{at}."),
        ("half a signature", f"{said}.{at}.{signature[:20]}"),
        ("another word", f"admin.{at}.{signature}"),
        ("a later moment", f"{said}.{'_' + at[1:]}.{signature}"),
        ("the secret itself", secret.decode()),
        ("its signature twice", f"{good}.{signature}"),
        ("20 KB", "x" * 20_000),
        ("one of a secret that was taken out", sessions.begun(_REMOVED)),
        ("one signed with nothing", sessions.begun(b"")),
        ("one of an hour ago", _earlier(field, secret, -sessions.LASTS_S - 1)),
        ("one of a day ago", _earlier(field, secret, -86_400)),
        ("one of tomorrow", _earlier(field, secret, 86_400)),
    ):
        yield Case(GROUP, f"cookie: {what}", partial(field.get, _PAGE, [("Cookie", f"{name}={cookie}")]), _REFUSED)
    for other in ("dystonia-cds-operator", name.upper(), "__Secure-dystonia-cds-operator", "Authorization"):
        sent = partial(field.get, _PAGE, [("Cookie", f"{other}={good}")])
        yield Case(GROUP, f"cookie: the right one as {other}", sent, _REFUSED)
    both = [("Cookie", f"{name}={good}"), ("Authorization", "Bearer " + "0" * 64)]
    yield Case(GROUP, "cookie: the right one, with a wrong token", partial(field.get, _PAGE, both), _REFUSED)
    misused = partial(field.get, DISCOVERY, [("Cookie", f"{name}={good}")])
    yield Case(GROUP, "cookie: at discovery", misused, Answer(401, "login", "bearer token"))
    written = partial(field.post, _PAGE, b"{}", [("Cookie", f"{name}={good}")])
    yield Case(GROUP, "cookie: a page that is written to", written, Answer(405, "not-supported", "method"))
    right = partial(field.get, _PAGE, [("Cookie", f"{name}={good}")])
    never = Answer(200, outcome=False, without=("Access-Control-Allow-Credentials", "Set-Cookie"))
    yield Case(GROUP, "cookie: the right one", right, never, control=True)


def _earlier(field: Field, secret: bytes, seconds: float) -> str:
    return field.noted(_Earlier(secret, seconds).sign(b"operator").decode())


def _forms(field: Field, secret: bytes) -> Iterator[Case]:
    """Forms with the right secret that another site has sent; and what is not the secret, from our page."""
    sites: tuple[tuple[str, Headers, str], ...] = (
        ("of another site", [("Sec-Fetch-Site", "cross-site")], "https://evil.example"),
        ("of a neighbor", [("Sec-Fetch-Site", "same-site")], f"https://other.{PUBLIC_URL.partition('//')[2]}"),
        ("of nobody", [], ""),
        ("of a hidden origin", [], "null"),
        ("by its Origin of another site", [], "https://evil.example"),
        ("by its Origin without TLS", [], PUBLIC_URL.replace("https", "http")),
        ("that claims our origin", [("Sec-Fetch-Site", "cross-site")], PUBLIC_URL),
    )
    for what, headers, origin in sites:
        for path in ("/sign-in", "/sign-out"):
            sent = partial(_sent, field, path, {"token": secret.decode()}, headers, origin=origin)
            yield Case(GROUP, f"{path}: a form {what}", sent, _ELSEWHERE)
    for what, fields in (
        ("a wrong secret", {"token": "0" * 64}),
        ("a secret that was taken out", {"token": _REMOVED.decode()}),
        ("half of it", {"token": secret.decode()[:32]}),
        ("no secret", {}),
    ):
        sent = partial(_sent, field, "/sign-in", fields, [_OURS], origin=PUBLIC_URL)
        yield Case(GROUP, f"/sign-in: {what}", sent, _REFUSED)
    in_query = partial(field.get, f"/sign-in?token={secret.decode()}")
    yield Case(
        GROUP, "/sign-in: the secret in the query", in_query, Answer(200, outcome=False, without=("Set-Cookie",)),
        control=True,
    )  # fmt: skip


def _ways(field: Field, secret: bytes) -> Iterator[Case]:
    """Where a sign-in might be made to lead. It takes the right secret, so that these rows are controls."""
    for where in ("//evil.example", "https://evil.example/trace", "/trace\r\nX-Evil: 1"):
        fields = {"token": secret.decode(), "next": where}
        sent = partial(_sent, field, "/sign-in", fields, [_OURS], origin=PUBLIC_URL)
        yield Case(
            GROUP, f"/sign-in that leads to {where!r}", sent,
            Answer(303, headers={"Set-Cookie": "HttpOnly"}, outcome=False, without=("X-Evil",)),
            control=True, after=_stays,
        )  # fmt: skip


def _stays(reply: Reply) -> list[str]:
    where = reply.header("Location")
    return [] if where == "./trace" else [f"leads to {where}"]


def _sent(field: Field, path: str, fields: dict[str, str], headers: Headers, *, origin: str) -> Reply:
    return field.post(path, urlencode(fields).encode(), [_FORM, *headers], origin=origin)
