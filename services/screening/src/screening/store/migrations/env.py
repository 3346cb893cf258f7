"""What Alembic runs: the migrations on the connection, and in the transaction, that it is given."""

from alembic import context

from screening.store.schema import VERSION_TABLE
from screening.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, version_table=VERSION_TABLE
)
context.run_migrations()
