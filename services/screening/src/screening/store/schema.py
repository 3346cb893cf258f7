"""The version of the tables in a database, and the way to ours. Alembic is loaded only where there is a way to go."""

from typing import Final

from sqlalchemy import Connection, inspect, text

VERSION_TABLE: Final = "screening_schema"
VERSIONS: Final = ("0001",)
"""All that there have been, oldest first; the last is ours. A test compares them with the migrations."""


class SchemaIsNewer(Exception):
    """The tables are of a later version than this program knows: it must not write to them."""


def is_current(connection: Connection) -> bool:
    """Whether the tables are of our version; if not, `migrate` brings them there.

    Raises:
        SchemaIsNewer: they are of a version that we do not know.
    """
    found = version(connection)
    if found is not None and found not in VERSIONS:
        raise SchemaIsNewer
    return found == VERSIONS[-1]


def version(connection: Connection) -> str | None:
    """The version of the tables; None where there are none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - our own name
    return None if found is None else str(found)


def migrate(connection: Connection, to: str = "head") -> None:
    """Bring the tables to a version, in the transaction of `connection`: whole or not at all."""
    from alembic import command  # noqa: PLC0415 - 12 MB that a database of our version does without
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "screening.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, to)
