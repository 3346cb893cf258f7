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


def data_required(missing: str, template: str) -> Problem:
    """Without these data nothing can be decided (R33)."""
    return Problem(
        412,
        f"The prefetch key '{missing}' was absent, incomplete or could not be read, and without it nothing can be"
        f" decided. It is asked for as: {template}",
        expression=f"prefetch.{missing}",
    )


def feedback_not_kept() -> Problem:
    """Feedback is not stored yet, and is not acknowledged as if it were."""
    return Problem(501, "Feedback is not kept by this version, so it is not acknowledged.")
