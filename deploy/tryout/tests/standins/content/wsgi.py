"""Ready at once, or fails to start when told to."""

import os

from flask import Flask

if os.environ.get("STANDIN_CONTENT_FAILS"):
    raise SystemExit("the stand-in was told to fail")
app = Flask(__name__)


@app.get("/readyz")
def readyz() -> str:
    return "ready"
