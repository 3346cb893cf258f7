"""An application for test_serving: it says what reached it, and can be slow or large."""

import json
import os
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from chassis import arrival, logs

logs.configure("serving")


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Say what reached us; `?sleep=seconds`, `?size=bytes`, `?fail=1` and `?stream=1` do what they say."""
    waited = time.monotonic() - environ[arrival.ENVIRON]
    asked = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    body = environ["wsgi.input"].read()
    time.sleep(float(asked.get("sleep", "0")))
    if "fail" in asked:
        raise ValueError(body.decode())
    told = {"length": len(body), "peer": environ["REMOTE_ADDR"], "pid": os.getpid(), "path": environ["PATH_INFO"]}
    told["waited"] = waited
    answer = b"x" * int(asked.get("size", "0")) or json.dumps(told).encode()
    headers = [] if "stream" in asked else [("Content-Length", str(len(answer)))]
    start_response("200 OK", [("Content-Type", "application/json"), *headers])
    return [answer[:10], answer[10:]]
