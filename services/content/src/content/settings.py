"""Everything the environment may tell the content service, checked whole at start, frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from marshmallow.validate import Length, OneOf, Regexp

from chassis import peers
from chassis.environment import Environment

DEFAULT_REPORT_CONTACT: Final = "the team that runs this service at your site"
_ONE_LINE: Final = Regexp(r"[^\r\n<>]*\Z", error="Must be one line without < and >.")


@dataclass(frozen=True)
class Settings:
    """Settings of the content service.

    Attributes:
        internal_keys: secrets with which our services prove to each other who they are.
        report_contact: whom a reader tells about a wrong card or page; one line of plain text, shown on every page.
        log_level: DEBUG, INFO, WARNING or ERROR.
    """

    internal_keys: tuple[bytes, ...] = field(repr=False)
    report_contact: str = DEFAULT_REPORT_CONTACT
    log_level: str = "INFO"


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings from `environ`.

    Raises:
        chassis.environment.SettingsError: with all settings at fault at once.
    """
    env = Environment(environ)
    internal_keys = peers.read_keys(env)
    report_contact = env.str("REPORT_CONTACT", DEFAULT_REPORT_CONTACT, validate=[Length(min=3, max=200), _ONE_LINE])
    log_level = env.str("LOG_LEVEL", "INFO", validate=OneOf(["DEBUG", "INFO", "WARNING", "ERROR"]))
    env.finish()
    return Settings(internal_keys=internal_keys, report_contact=report_contact, log_level=log_level)
