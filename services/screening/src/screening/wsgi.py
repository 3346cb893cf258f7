"""The entry point for gunicorn: `screening.wsgi:app`."""

import os

from chassis import logs
from screening.app import create_app
from screening.settings import load

settings = load(os.environ)
logs.configure("screening", settings.log_level)
app = create_app(settings)
