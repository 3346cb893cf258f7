"""From which moment a deadline counts."""

import time

import pytest
from flask import Flask

from chassis import arrival

APP = Flask(__name__)


def began(environ: dict[str, object], **headers: str) -> float:
    with APP.test_request_context(environ_overrides=environ, headers=headers):
        return arrival.began()


def test_it_is_the_moment_at_which_the_request_was_whole() -> None:
    moment = time.monotonic() - 5
    assert began({arrival.ENVIRON: moment}) == moment


def test_where_the_server_does_not_tell_it_is_now() -> None:
    before = time.monotonic()
    assert before <= began({}) <= time.monotonic()


def test_what_the_service_in_front_needed_counts() -> None:
    moment = time.monotonic()
    with APP.test_request_context(environ_overrides={arrival.ENVIRON: moment - 0.3}):
        header = arrival.elapsed()
    assert began({arrival.ENVIRON: moment}, **header) <= moment - 0.3


@pytest.mark.parametrize("told", ["", "-5", "1.5", "x", "1e3", "9999999", "\u0662"])
def test_what_is_no_count_of_milliseconds_counts_for_nothing(told: str) -> None:
    moment = time.monotonic()
    assert began({arrival.ENVIRON: moment, f"HTTP_{arrival.HEADER.upper().replace('-', '_')}": told}) == moment
