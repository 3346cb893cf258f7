"""Everything that can go wrong with a call: status, public words, place. No patient data, ever."""

from chassis.problems import Problem


def not_json() -> Problem:
    """The body is not a JSON object."""
    return Problem(400, "The body is not a JSON object.", code="structure")


def invalid(expression: str, words: str) -> Problem:
    """A part of the call that we read does not have the form that CDS Hooks gives it."""
    return Problem(400, words, expression=expression)


def unknown_service() -> Problem:
    """No such service."""
    return Problem(404, "There is no CDS service with this id. GET /cds-services lists them.")


def data_required(missing: str, template: str, prefetch: str, ehr: str, *, site_key: str, hint: str) -> Problem:
    """Without these data nothing can be decided (R33).

    Args:
        missing: the prefetch key.
        template: what it asks for.
        prefetch: what the prefetch came to, in words that go on from "The prefetch key ...".
        ehr: what the FHIR server came to, in words; empty when that does not matter.
        site_key: under which this client sends it.
        hint: what to look at, at this EHR; empty when nothing is known.
    """
    asked = f", and {ehr}" if ehr else ""
    renamed = f" (agreed with this client as '{site_key}')" if site_key != missing else ""
    return Problem(
        412,
        f"The prefetch key '{missing}'{renamed} {prefetch}{asked}. Without it nothing can be decided. It is asked for"
        f" as: {template}{f'. {hint}' if hint else ''}",
        expression=f"prefetch.{missing}",
    )


def feedback_not_kept() -> Problem:
    """There is no place for feedback, and it is not acknowledged as if there were."""
    return Problem(
        501,
        "Feedback is not kept here, so it is not acknowledged: whoever runs this service has set neither STATE_DIR nor"
        " STORE_URL.",
    )


def feedback_delayed() -> Problem:
    """The store is down. Nothing is acknowledged that is not on the disk."""
    return Problem(
        503,
        "Feedback cannot be kept at the moment, and nothing of it was acknowledged: send all of it again later, with a"
        " new token.",
        headers={"Retry-After": "10"},
    )


def not_your_card(expression: str) -> Problem:
    """Feedback about a card that somebody else has got."""
    return Problem(
        403,
        "This card was shown to another client or tenant, and only who was shown a card may say what became of it.",
        expression=expression,
    )
