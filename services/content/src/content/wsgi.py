"""The WSGI application of the content service: `gunicorn content.wsgi:app`."""

import os

from chassis import logs
from content import app as composition
from content import settings

_settings = settings.load(os.environ)
logs.configure("content", _settings.log_level)
app = composition.create_app(_settings)
