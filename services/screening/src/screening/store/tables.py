"""The tables of the store. A change of them needs a migration; a test compares the two."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """A moment in UTC as whole microseconds since 1970: the same in every database, sorted by time, exact."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else _EPOCH + timedelta(microseconds=value)


METADATA: Final = MetaData()

CARD: Final = Table(
    "screening_card",
    METADATA,
    Column("uuid", String(36), nullable=False),
    Column("client", String(64), nullable=False),
    Column("tenant", String(500), nullable=False),
    Column("suggestions", Text, nullable=False),
    Column("service", String(128), nullable=False),
    Column("hook", String(64), nullable=False),
    Column("module", String(64), nullable=False),
    Column("state", String(64), nullable=False),
    Column("indicator", String(16), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("rules_version", String(100), nullable=False),
    Column("patient", String(64), nullable=False),
    Column("shown", Text, nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("times", Integer, nullable=False),
    PrimaryKeyConstraint("uuid", "client", "tenant", name="screening_card_pk"),
    Index("screening_card_patient", "patient"),
    Index("screening_card_last_at", "last_at"),
)
"""One row for each card, however often it was shown: `first_at`, `last_at`, and `times` tell that."""

FEEDBACK: Final = Table(
    "screening_feedback",
    METADATA,
    Column("card", String(66), nullable=False),
    Column("client", String(64), nullable=False),
    Column("tenant", String(500), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("service", String(128), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("their_reason", String(64), nullable=False),
    Column("suggestions", Text, nullable=False),
    Column("shown", Text),
    Column("comment", Text),
    Column("at", Moment, nullable=False),
    Column("received_at", Moment, nullable=False),
    PrimaryKeyConstraint("card", "client", "tenant", "digest", name="screening_feedback_pk"),
    Index("screening_feedback_received_at", "received_at"),
)
"""One row for each answer; `digest` is over all that makes it the same answer when it comes again."""

SCOPE: Final = Table(
    "screening_scope",
    METADATA,
    Column("client", String(64), nullable=False),
    Column("tenant", String(500), nullable=False),
    Column("fhir_server", String(500), nullable=False),
    PrimaryKeyConstraint("client", "tenant", "fhir_server", name="screening_scope_pk"),
)
"""The FHIR servers that clients have named: with them and a patient's id the patient's keys can be found."""

TRACE: Final = Table(
    "screening_trace",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("hook_instance", String(36), nullable=False),
    Column("client", String(64), nullable=False),
    Column("tenant", String(500), nullable=False),
    Column("service", String(128), nullable=False),
    Column("hook", String(64), nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("patient", String(64), nullable=False),
    Column("at", Moment, nullable=False),
    Column("body", Text, nullable=False),
    Index("screening_trace_hook_instance", "hook_instance"),
    Index("screening_trace_patient", "patient"),
    Index("screening_trace_at", "at"),
)

CHORE: Final = Table(
    "screening_chore",
    METADATA,
    Column("name", String(64), nullable=False),
    Column("done_at", Moment, nullable=False),
    PrimaryKeyConstraint("name", name="screening_chore_pk"),
)
"""When something was last done that one process does for all."""
