"""Who may see the pages for operators."""

from typing import Any

import pytest

from chassis.problems import Problem
from gateway import operators
from gateway.operators import Shown

NOW = 1_800_000_000.0
OLD, NEW = b"synthetic-secret-that-is-still-good", b"synthetic-secret-that-is-new-in-here"
BOTH = (OLD, NEW)


def outcome(authorization: str | None, peer: str = "192.0.2.1", known: Any = BOTH, *, try_out: bool = False) -> int:
    try:
        operators.check(Shown(authorization, None, peer), known, NOW, try_out=try_out)
    except Problem as problem:
        return problem.status
    return 200


@pytest.mark.parametrize("secret", BOTH)
@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", " Bearer  {} "])
def test_each_secret_opens(secret: bytes, form: str) -> None:
    assert outcome(form.format(secret.decode())) == 200
    assert outcome(form.format(secret.decode()), try_out=True) == 200


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic " + OLD.decode(), OLD.decode(), "Bearer " + OLD.decode()[:-1],
     "Bearer " + OLD.decode() + "x", "Bearer " + OLD.decode().upper(), "Bearer \udcff", "Bearer é"],
)  # fmt: skip
def test_nothing_else_does(authorization: str | None) -> None:
    assert outcome(authorization) == 401
    assert outcome(authorization, "127.0.0.1") == 401, "in production this machine is no better than another"


def test_without_a_secret_the_pages_are_switched_off() -> None:
    for authorization in (None, "Bearer ", "Bearer x"):
        assert outcome(authorization, "127.0.0.1", ()) == 404


def test_in_a_try_out_this_machine_needs_none() -> None:
    for peer in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        assert outcome(None, peer, (), try_out=True) == 200
        assert outcome(None, peer, try_out=True) == 200
    assert outcome(None, "192.0.2.1", (), try_out=True) == 403
    assert outcome(None, "", (), try_out=True) == 403
    assert outcome("Bearer wrong", "127.0.0.1", try_out=True) == 401
    assert outcome("Bearer wrong", "127.0.0.1", (), try_out=True) == 404


def test_a_refusal_says_how_to_get_in() -> None:
    for known in (BOTH, ()):
        with pytest.raises(Problem, match="OPERATOR_TOKEN_FILE") as caught:
            operators.check(Shown(), known, NOW, try_out=False)
    assert caught.value.status == 404
