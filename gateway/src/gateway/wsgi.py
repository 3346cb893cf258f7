"""The application that gunicorn serves: `gateway.wsgi:app`."""

from chassis.start import start
from gateway import settings
from gateway.app import create_app
from gateway.discovery import DuplicateService
from gateway.stores import StoreError

app = start("gateway", settings.load, create_app, DuplicateService, StoreError)
