"""What the environment may tell the try-out: three ports and a directory, checked whole at start, frozen."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

GATEWAY_PORT: Final = "GATEWAY_PORT"
SCREENING_PORT: Final = "SCREENING_PORT"
CONTENT_PORT: Final = "CONTENT_PORT"
_DEFAULT_PORTS: Final[Mapping[str, int]] = {GATEWAY_PORT: 8080, SCREENING_PORT: 8081, CONTENT_PORT: 8082}


class SettingsError(Exception):
    """The environment is wrong; the text, one line, lists every setting at fault."""


@dataclass(frozen=True)
class Settings:
    """Settings of the try-out.

    Attributes:
        ports: variable name (`GATEWAY_PORT`, ...) -> TCP port.
        state_dir: where secrets, logs and later the database of the try-out lie.
        color: whether the user lets us use color at all (NO_COLOR unset or empty).
        under_make: whether a make recipe started us.
    """

    ports: Mapping[str, int]
    state_dir: Path
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
        text = environ.get(variable) or str(default)
        if not (text.isascii() and text.isdecimal() and 1 <= int(text[:6]) <= 65535):
            faults.append(f"{variable}={text[:40]!r} is not a port (1 to 65535)")
            continue
        port = int(text)
        if port in ports.values():
            other = next(name for name, taken in ports.items() if taken == port)
            faults.append(f"{variable} and {other} are both {port}")
        ports[variable] = port
    if faults:
        raise SettingsError("; ".join(faults))
    return Settings(
        ports=ports,
        state_dir=Path(environ.get("STATE_DIR") or "var").absolute(),
        color=not environ.get("NO_COLOR"),
        under_make=bool(environ.get("MAKELEVEL")),
    )
