"""Everything the environment may tell the content service, checked whole at start, frozen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from environs import Env, EnvValidationError
from marshmallow.validate import Length, OneOf, Regexp

DEFAULT_REPORT_CONTACT: Final = "the team that runs this service at your site"
_ONE_LINE: Final = Regexp(r"[^\r\n<>]*\Z", error="Must be one line without < and >.")


class _Given(Env):
    """Reads from the mapping that it is given instead of from the process."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(eager=False)
        self._given = environ

    def _get_value(self, env_key: str, default: Any) -> Any:
        return self._given.get(env_key, default)


class SettingsError(Exception):
    """The environment is wrong; the text lists every setting at fault."""


@dataclass(frozen=True)
class Settings:
    """Settings of the content service.

    Attributes:
        report_contact: whom a reader tells about a wrong card or page; one line of plain text, shown on every page.
        log_level: DEBUG, INFO, WARNING or ERROR.
    """

    report_contact: str = DEFAULT_REPORT_CONTACT
    log_level: str = "INFO"


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings from `environ`.

    Raises:
        SettingsError: with all settings at fault at once.
    """
    env = _Given(environ)
    report_contact = env.str("REPORT_CONTACT", DEFAULT_REPORT_CONTACT, validate=[Length(min=3, max=200), _ONE_LINE])
    log_level = env.str("LOG_LEVEL", "INFO", validate=OneOf(["DEBUG", "INFO", "WARNING", "ERROR"]))
    try:
        env.seal()
    except EnvValidationError as error:
        found = error.error_messages
        texts = found if isinstance(found, list) else [f"{name}: {' '.join(found[name])}" for name in sorted(found)]
        raise SettingsError(f"settings at fault: {'; '.join(texts)}") from None
    return Settings(report_contact=report_contact, log_level=log_level)
