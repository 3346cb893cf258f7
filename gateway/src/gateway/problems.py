"""Everything that can go wrong at the door: status and public words. Nothing here echoes what a caller sent."""

from collections.abc import Iterable

from chassis.problems import Problem


def unknown_service(ids: Iterable[str]) -> Problem:
    """404: no service has this id."""
    return Problem(404, f"There is no CDS service with this id. Services here: {', '.join(sorted(ids)) or 'none'}.")


def discovery_unknown(retry_after: int) -> Problem:
    """503: an upstream has not told us its services yet, so we cannot say what there is."""
    return Problem(
        503,
        "The services behind this gateway have not announced themselves yet; try again shortly.",
        headers={"Retry-After": str(retry_after)},
    )


def upstream_down() -> Problem:
    """503: the service behind us takes no connection."""
    return Problem(503, "The service behind this gateway cannot be reached.", headers={"Retry-After": "5"})


def upstream_late(seconds: float) -> Problem:
    """504: the service behind us did not answer in time."""
    return Problem(504, f"The service behind this gateway did not answer within {seconds:g} seconds.")


def upstream_bad() -> Problem:
    """502: the service behind us answered something that we cannot pass on."""
    return Problem(502, "The service behind this gateway did not answer properly.")


def too_large(limit: int) -> Problem:
    """413: the body is larger than we take."""
    return Problem(413, f"The request body is too large; the limit is {limit:,} bytes (setting MAX_BODY_BYTES).")


def too_many(what: str, kind: str, limit: int, setting: str, expression: str = "") -> Problem:
    """413: the body holds more of something than we take, as "The prefetch holds more than 200 keys"."""
    words = f"{what} more than {limit:,} {kind}, which is the limit (setting {setting})."
    return Problem(413, words, code="too-costly", expression=expression)


def not_json_type() -> Problem:
    """415: the Content-Type is not JSON."""
    return Problem(415, "The Content-Type must be application/json (or application/*+json), in UTF-8.")


def encoded() -> Problem:
    """415: the body is compressed or otherwise encoded."""
    return Problem(
        415,
        "The body must not be compressed: no Content-Encoding is accepted.",
        headers={"Accept-Encoding": "identity"},
    )


def malformed(words: str, expression: str = "") -> Problem:
    """400: the message is not what CDS Hooks says; `expression` tells where."""
    return Problem(400, words, expression=expression)
