"""The application that gunicorn serves: `content.wsgi:app`."""

from chassis.start import start
from content import settings
from content.app import create_app
from content.library import LibraryError

app = start("content", settings.load, create_app, LibraryError)
