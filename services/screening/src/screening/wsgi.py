"""The application that gunicorn serves: `screening.wsgi:app`."""

from chassis.start import start
from screening import settings
from screening.app import create_app

app = start("screening", settings.load, create_app)
