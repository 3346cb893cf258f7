"""Makes the FHIR samples and the helper of this folder importable; the application and a client of it."""

import sys
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

sys.path[:0] = [str(Path(__file__).parents[1] / "fhir"), str(Path(__file__).parent)]

import edge_samples  # noqa: E402  found by the line above


@pytest.fixture
def app() -> Flask:
    return edge_samples.application()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
