"""Everything that can go wrong at the doors of the content service."""

from chassis.problems import Problem


def no_such_explanation() -> Problem:
    """404: the slug is not one of ours."""
    return Problem(404, "There is no explanation of this name. The list is at /explanations.")


def no_such_audience() -> Problem:
    """400: the audience is not one that we write for."""
    return Problem(400, "The audience must be clinician or patient.", expression="audience")


def not_for_this_audience() -> Problem:
    """404: the explanation exists, but not for this audience."""
    return Problem(404, "This explanation has no page for this audience.")


def no_language_tag() -> Problem:
    """400: what should name a language does not."""
    return Problem(400, "The language must be a language tag, such as en or de.", expression="lang")


def no_such_asset() -> Problem:
    """404: no stylesheet of this name."""
    return Problem(404, "There is nothing at this address.")
