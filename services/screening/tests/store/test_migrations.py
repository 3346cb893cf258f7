"""Migrations: they lead to the tables that the program knows, from every version that there has been."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from store_samples import ANSWER, CARD, CLIENT, MARKS, TRACE

from screening.store import Store, StoreSettings, schema
from screening.store.lanes import PAGES
from screening.store.schema import VERSION_TABLE, VERSIONS
from screening.store.settings import FILE_NAME
from screening.store.tables import METADATA

FIRST = Path(__file__).with_name("first_version.sql")


def difference(store: Store) -> list[Any]:
    """What would have to be migrated still."""

    def compared(connection: Any) -> list[Any]:
        options = {"version_table": VERSION_TABLE, "compare_type": True, "include_object": _is_ours}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), METADATA))

    return store.run(PAGES, compared)


def test_the_migrations_make_the_tables_that_the_program_knows(store: Store) -> None:
    assert difference(store) == []
    keys = store.run(
        PAGES, lambda connection: {name: inspect(connection).get_pk_constraint(name) for name in METADATA.tables}
    )
    for name, table in METADATA.tables.items():
        assert keys[name]["constrained_columns"] == [column.name for column in table.primary_key]


def test_the_versions_are_those_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", "screening.store:migrations")
    found = ScriptDirectory.from_config(config).walk_revisions()
    assert [revision.revision for revision in found][::-1] == list(VERSIONS)


def test_a_database_of_the_first_version_is_brought_to_ours_with_all_that_is_in_it(tmp_path: Path) -> None:
    former = sqlite3.connect(tmp_path / FILE_NAME)
    former.executescript(FIRST.read_text("utf-8"))
    former.close()
    store = Store(StoreSettings(), tmp_path, MARKS)
    assert store.prepare()
    assert difference(store) == []
    (answered,) = store.answers("the key of a patient")
    assert (answered.module, answered.reason, answered.shown) == ("B12", "deferred", '{"module":"B12"}')
    assert len(store.traces.find(TRACE.hook_instance)) == 1
    store.record([CARD])
    assert [kept.status for kept in store.keep([ANSWER], CLIENT, "")] == ["kept"]
    store.close()


def test_many_that_begin_at_once_migrate_once(tmp_path: Path) -> None:
    stores = [Store(StoreSettings(), tmp_path, MARKS) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(Store.prepare, stores))
    assert stores[0].run(PAGES, schema.version) == VERSIONS[-1]
    for store in stores:
        store.close()


def _is_ours(thing: Any, name: str | None, kind: str, *_: Any) -> bool:
    return kind != "table" or name in METADATA.tables
