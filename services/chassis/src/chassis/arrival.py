"""When a call came: the moment from which its deadline counts, wherever it has had to wait since.

A request that is here whole may wait for its turn, in the gateway and again in the service behind it. Whoever sets
itself a deadline has to count that. Clocks of two machines are not compared: the gateway tells how long it has had the
call, in a header that only our own services can send.
"""

import time
from typing import Final

from flask import request

ENVIRON: Final = "chassis.arrived"
"""WSGI environ: `time.monotonic` at which the request was here whole."""
HEADER: Final = "Cds-Elapsed-Ms"


def here() -> float:
    """`time.monotonic` at which this process had the whole request; now, where the server does not tell."""
    told = request.environ.get(ENVIRON)
    return told if isinstance(told, float) else time.monotonic()


def elapsed() -> dict[str, str]:
    """The header that tells the service behind us for how long we have had the request."""
    return {HEADER: str(round(1000 * (time.monotonic() - here())))}


def began() -> float:
    """`time.monotonic` at which the service in front of us had the whole request.

    To be asked only where nobody but our own services is answered.
    """
    told = request.headers.get(HEADER, "")
    before = int(told) if told.isascii() and told.isdecimal() and len(told) < 7 else 0
    return here() - before / 1000
