"""The application that gunicorn serves. What is wrong at start is said on one line."""

import os
import sys

from chassis import logs
from chassis.environment import SettingsError
from gateway import settings
from gateway.app import create_app
from gateway.discovery import DuplicateService

logs.configure("gateway")
try:
    configured = settings.load(os.environ)
    logs.configure("gateway", configured.log_level)
    app = create_app(configured)
except (SettingsError, DuplicateService) as error:
    sys.stderr.write(f"The gateway cannot start: {error}\n")
    raise SystemExit(3) from None  # 3 tells gunicorn not to try again
