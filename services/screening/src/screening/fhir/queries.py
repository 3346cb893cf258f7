"""Our prefetch templates as queries to a FHIR server: tokens resolved, parameters encoded."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote, unquote, urlencode

from screening.fhir.access import Query

_PATIENT_ID: Final = re.compile(r"(?!\.+\Z)[A-Za-z0-9._-]{1,255}")
"""What may stand in a query without meaning anything there."""
_TODAY: Final = re.compile(r"\{\{today\(\) - (\d+) days\}\}")
_PATIENT: Final = "{{context.patientId}}"
_MARGIN: Final = timedelta(days=1)
"""A day more, since the EHR may count its days in another time zone. How old a result may be, the rules say."""


def usable(patient_id: str) -> bool:
    """Whether a patient id can stand in a query."""
    return _PATIENT_ID.fullmatch(patient_id) is not None


def query(key: str, template: str, patient_id: str, now: datetime, link: str = "") -> Query:
    """The query that asks for what a prefetch template asks for.

    Args:
        key: prefetch key.
        template: its query, with the tokens `context.patientId` and `today() - N days`.
        patient_id: one that is `usable`.
        now: the moment of the call; its day is counted in UTC.
        link: where a part that is already here goes on.
    """
    path, _, search = template.partition("?")

    def resolved(text: str) -> str:
        def day(match: re.Match[str]) -> str:
            return (now.astimezone(UTC).date() - timedelta(days=int(match[1])) - _MARGIN).isoformat()

        return _TODAY.sub(day, unquote(text)).replace(_PATIENT, patient_id)

    pairs = [(name, resolved(value)) for name, _, value in (part.partition("=") for part in search.split("&") if part)]
    return Query(key, resolved(path), urlencode(pairs, quote_via=quote, safe=""), link)


def product(reference: str, base: str) -> Query | None:
    """The query that reads a Medication; None when the reference does not lead to one on the server with this base."""
    relative = reference.removeprefix(f"{base}/").partition("/_history/")[0]
    kind, _, name = relative.partition("/")
    return Query(relative, relative) if kind == "Medication" and usable(name) else None
