"""Headers that every answer carries. What a service behind us has said for its own page stays as it is."""

from typing import Final

from flask import Flask, Response

from gateway.settings import Settings

_NOTHING: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_ALWAYS: Final = {"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"}
_UNLESS_SAID: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _NOTHING,
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_HTTPS_FOR: Final = "max-age=31536000"
"""A year. Not for subdomains, and not for the preload list: both are the operator's to decide, at the edge."""


def install(app: Flask, settings: Settings) -> None:
    """Have `app` send them; in production under an https address with the word to use nothing else."""
    always = dict(_ALWAYS)
    if not settings.try_out and settings.public_url.startswith("https://"):
        always["Strict-Transport-Security"] = _HTTPS_FOR

    @app.after_request
    def seal(response: Response) -> Response:
        for name, value in _UNLESS_SAID.items():
            response.headers.setdefault(name, value)
        response.headers.update(always)
        return response
