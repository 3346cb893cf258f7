"""The application that gunicorn serves: `gateway.wsgi:app`."""

from chassis.start import start
from gateway import settings
from gateway.app import create_app
from gateway.discovery import DuplicateService

app = start("gateway", settings.load, create_app, DuplicateService)
