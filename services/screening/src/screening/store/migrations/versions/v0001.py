"""Cards, answers to them, traces."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "screening_card",
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("tenant", sa.String(500), nullable=False),
        sa.Column("suggestions", sa.Text, nullable=False),
        sa.Column("service", sa.String(128), nullable=False),
        sa.Column("hook", sa.String(64), nullable=False),
        sa.Column("module", sa.String(64), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("indicator", sa.String(16), nullable=False),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("rules_version", sa.String(100), nullable=False),
        sa.Column("patient", sa.String(64), nullable=False),
        sa.Column("shown", sa.Text, nullable=False),
        sa.Column("first_at", sa.BigInteger, nullable=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("uuid", "client", "tenant", name="screening_card_pk"),
    )
    op.create_index("screening_card_patient", "screening_card", ["patient"])
    op.create_index("screening_card_last_at", "screening_card", ["last_at"])
    op.create_table(
        "screening_feedback",
        sa.Column("card", sa.String(66), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("tenant", sa.String(500), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("service", sa.String(128), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("their_reason", sa.String(64), nullable=False),
        sa.Column("suggestions", sa.Text, nullable=False),
        sa.Column("shown", sa.Text),
        sa.Column("comment", sa.Text),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("card", "client", "tenant", "digest", name="screening_feedback_pk"),
    )
    op.create_index("screening_feedback_received_at", "screening_feedback", ["received_at"])
    op.create_table(
        "screening_scope",
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("tenant", sa.String(500), nullable=False),
        sa.Column("fhir_server", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("client", "tenant", "fhir_server", name="screening_scope_pk"),
    )
    op.create_table(
        "screening_trace",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("hook_instance", sa.String(36), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("tenant", sa.String(500), nullable=False),
        sa.Column("service", sa.String(128), nullable=False),
        sa.Column("hook", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("patient", sa.String(64), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("screening_trace_hook_instance", "screening_trace", ["hook_instance"])
    op.create_index("screening_trace_patient", "screening_trace", ["patient"])
    op.create_index("screening_trace_at", "screening_trace", ["at"])
    op.create_table(
        "screening_chore",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("done_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="screening_chore_pk"),
    )
