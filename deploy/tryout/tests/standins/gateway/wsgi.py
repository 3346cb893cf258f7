"""Offers one service that answers with a card, a refusal or nonsense, as the call's patient id asks."""

from typing import Any

from flask import Flask, jsonify, request

app = Flask(__name__)
CARD: dict[str, Any] = {
    "summary": "Synthetic card \u001b[31m",
    "indicator": "warning",
    "detail": "**B12** is 1 \\< 2 &lt; 3\n\n- first\n- second",
    "source": {"label": "Stand-in"},
    "suggestions": [
        {
            "label": "Order it",
            "isRecommended": True,
            "actions": [
                {
                    "type": "create",
                    "description": "Vitamin B12",
                    "resource": {
                        "resourceType": "ServiceRequest",
                        "status": "draft",
                        "code": {"coding": [{"system": "http://loinc.org", "code": "2132-9"}]},
                    },
                }
            ],
        }
    ],
    "links": [{"label": "Read more", "url": "http://localhost/explanations/x", "type": "absolute"}],
    "overrideReasons": [{"code": "deferred", "display": "Will order later"}],
}


@app.get("/readyz")
def readyz() -> str:
    return "ready"


@app.get("/cds-services")
def discovery() -> Any:
    prefetch = {"patient": "Patient/{{context.patientId}}", "conditions": "Condition?patient={{context.patientId}}"}
    return jsonify(
        services=[
            {"id": "one", "hook": "patient-view", "prefetch": prefetch},
            {"id": "two", "hook": "order-select"},
        ]
    )


@app.post("/cds-services/<service>")
def call(service: str) -> Any:
    sent = request.get_json()
    patient = sent["context"]["patientId"]
    if patient == "refuse":
        issue = {"code": "required", "details": {"text": "Conditions are missing."}, "expression": ["prefetch"]}
        return jsonify(resourceType="OperationOutcome", issue=[issue]), 412
    if patient == "nonsense":
        return "<html>"
    if patient == "silent":
        return jsonify(cards=[])
    return jsonify(cards=[CARD], echo=sent)


@app.get("/trace/<hook_instance>")
def trace(hook_instance: str) -> Any:
    if request.headers.get("Authorization") == "Bearer wrong":
        issue = {"code": "login", "details": {"text": "This page is for operators."}}
        return jsonify(resourceType="OperationOutcome", issue=[issue]), 401
    if request.headers["Accept"] == "application/json":
        return jsonify(hookInstance=hook_instance)
    return f"Why {hook_instance}: \u001b[31mit is so\n", 200, {"Content-Type": "text/plain; charset=utf-8"}
