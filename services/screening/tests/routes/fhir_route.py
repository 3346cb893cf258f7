"""A scenario as a Chart by way of FHIR: what an EHR would send, read by the reader that serves real calls."""

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from chart_builder import NOW
from msgspec import Raw

from screening.app import reader
from screening.domain.chart import Chart
from screening.domain.codes import CodeBook
from screening.fhir.reading import Call
from screening.services import prefetch_templates
from screening.synthetic import charts as wire

CANONICAL_BASE = "https://dystonia-cds.example/fhir"
Answer = Callable[[Mapping[str, Any], Mapping[str, str], Mapping[str, Any], date], dict[str, Any]]


def read(scenario: Mapping[str, Any], book: CodeBook, answer: Answer, now: datetime = NOW, **shape: str) -> Chart:
    """The chart of a scenario on the day of `now`, from an EHR that answers prefetch templates with `answer`."""
    asked = wire.call(scenario, prefetch_templates(book, CANONICAL_BASE), now.date(), answer, **shape)
    context = asked["context"]
    drafts = context.get("draftOrders", {}).get("entry", [])
    selections = context.get("selections")
    call = Call(
        patient_id=context["patientId"],
        prefetch={key: _raw(value) for key, value in asked["prefetch"].items()},
        draft_orders=tuple(_raw(entry["resource"]) for entry in drafts),
        selections=None if selections is None else tuple(selections),
    )
    chart, _ = reader(book, wire.SITE_FACTS.removesuffix("/CodeSystem/site-facts")).chart(call, now)
    return chart


def _raw(value: Any) -> Raw:
    return Raw(json.dumps(value).encode())
