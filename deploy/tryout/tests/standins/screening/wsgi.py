"""Ready at once; ends its own process group's leader when asked to."""

import os
import signal

from flask import Flask

app = Flask(__name__)


@app.get("/readyz")
def readyz() -> str:
    return "ready"


@app.get("/die")
def die() -> str:
    os.kill(os.getppid(), signal.SIGKILL)
    return "dying"
