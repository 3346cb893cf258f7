"""What the environment may tell the try-out: ports and a directory, checked whole at start, frozen."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

GATEWAY_PORT: Final = "GATEWAY_PORT"
SCREENING_PORT: Final = "SCREENING_PORT"
CONTENT_PORT: Final = "CONTENT_PORT"
FHIR_PORT: Final = "FHIR_PORT"
_DEFAULT_PORTS: Final[Mapping[str, int]] = {GATEWAY_PORT: 8080, SCREENING_PORT: 8081, CONTENT_PORT: 8082}
_DEFAULT_FHIR_PORT: Final = 8083


class SettingsError(Exception):
    """The environment is wrong; the text, one line, lists every setting at fault."""


@dataclass(frozen=True)
class Settings:
    """Settings of the try-out.

    Attributes:
        ports: variable name (`GATEWAY_PORT`, ...) -> TCP port, of what `run` starts.
        fhir_port: TCP port of the FHIR server that `fhir` starts.
        state_dir: where secrets, logs and later the database of the try-out lie.
        public_url: base URL of the gateway as a browser sees it.
        color: whether the user lets us use color at all (NO_COLOR unset or empty).
        under_make: whether a make recipe started us.
    """

    ports: Mapping[str, int]
    fhir_port: int
    state_dir: Path
    public_url: str
    color: bool = True
    under_make: bool = False

    @property
    def gateway_url(self) -> str:
        """Base URL of the gateway on this machine."""
        return f"http://127.0.0.1:{self.ports[GATEWAY_PORT]}"


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings from `environ`.

    Raises:
        SettingsError: with all settings at fault at once.
    """
    faults: list[str] = []
    ports: dict[str, int] = {}
    for variable, default in _DEFAULT_PORTS.items():
        if (port := _port(environ, variable, default, faults)) is None:
            continue
        if port in ports.values():
            other = next(name for name, taken in ports.items() if taken == port)
            faults.append(f"{variable} and {other} are both {port}")
        ports[variable] = port
    fhir_port = _port(environ, FHIR_PORT, _DEFAULT_FHIR_PORT, faults)
    if faults or fhir_port is None:
        raise SettingsError("; ".join(faults))
    return Settings(
        ports=ports,
        fhir_port=fhir_port,
        state_dir=Path(environ.get("STATE_DIR") or "var").absolute(),
        public_url=(environ.get("PUBLIC_URL") or f"http://localhost:{ports[GATEWAY_PORT]}").rstrip("/"),
        color=not environ.get("NO_COLOR"),
        under_make=bool(environ.get("MAKELEVEL")),
    )


def _port(environ: Mapping[str, str], variable: str, default: int, faults: list[str]) -> int | None:
    """The port that a variable names, or None, with the fault added."""
    text = environ.get(variable) or str(default)
    if text.isascii() and text.isdecimal() and 1 <= int(text[:6]) <= 65535:
        return int(text)
    faults.append(f"{variable}={text[:40]!r} is not a port (1 to 65535)")
    return None
