"""Asks the prefetch doctor, and finds things in its answer."""

from typing import Any, Final

import edge_samples as s
from flask import Flask
from flask.testing import FlaskClient

from chassis.testing import CALLER, signed

LOCAL: Final = "urn:oid:1.2.36.1.9999.1"
Json = dict[str, Any]


def ask(client: FlaskClient, form: str = "application/json", query: str = "") -> Any:
    answer = client.get(f"/prefetch-doctor{query}", headers={"Accept": form})
    assert answer.status_code == 200
    assert answer.mimetype == form
    return answer.get_json() if form == "application/json" else answer.text


def told(client: FlaskClient, *calls: Json, name: str = "tests") -> Json:
    for values in calls:
        client.post(s.PATIENT_VIEW, json=s.call(values))
    (one,) = (one for one in ask(client)["clients"] if one["client"] == name)
    return dict(one)


def row(one: Json, key: str) -> Json:
    (found,) = (row for row in one["keys"] if row["key"] == key)
    return dict(found)


def drift(one: Json, what: str) -> list[Json]:
    return [departure for departure in one["drift"] if departure["what"] == what]


def renamed(old: str, new: str, values: Json | None = None) -> Json:
    sent = s.prefetch() if values is None else values
    return {new if key == old else key: value for key, value in sent.items()}


def fetching(app: Flask, base: str, why: str = "") -> FlaskClient:
    return signed(app, {**CALLER, "fhir": {"base": base, "public_only": False, "why": why}}).test_client()
