"""A store, empty and of our version: in a file, and (wide) in PostgreSQL; makes what the tests share importable."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from chassis import testing_postgresql
from screening.store import Store, StoreSettings
from screening.store.lanes import BACKGROUND, READING, WRITING
from screening.store.settings import FILE_NAME
from screening.store.tables import METADATA

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "fhir")]

import store_samples  # noqa: E402  found by the line above

Make = Callable[..., Store]
"""Makes stores that are all the same one; takes settings."""


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of our version with nothing in it."""
    directory = tmp_path_factory.mktemp("migrated")
    assert Store(StoreSettings(), directory, store_samples.MARKS).prepare()
    return directory / FILE_NAME


@pytest.fixture(autouse=True)
def patience(request: pytest.FixtureRequest) -> Iterator[None]:
    """With a server, calls wait longer than they would: a busy machine must not fail a test."""
    lanes = (READING, WRITING) if request.node.get_closest_marker("wide") else ()
    for lane in lanes:
        object.__setattr__(lane, "patience_s", 3.0)
    yield
    for lane in lanes:
        object.__setattr__(lane, "patience_s", 0.1)


@pytest.fixture(scope="session")
def server() -> Iterator[testing_postgresql.Server]:
    binaries = testing_postgresql.tools()
    if binaries is None:
        pytest.skip(testing_postgresql.NOT_HERE)
    with testing_postgresql.running(binaries) as made:
        assert Store(StoreSettings(url=made.url), None, store_samples.MARKS).prepare()
        yield made


@pytest.fixture
def on_file(migrated: Path, tmp_path: Path) -> Iterator[Make]:
    """Stores in a file of this test's own."""
    shutil.copy(migrated, tmp_path / FILE_NAME)
    yield from _closing(lambda **settings: Store(StoreSettings(**settings), tmp_path, store_samples.MARKS))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.wide)])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """The same in both databases."""
    if request.param == "sqlite":
        yield request.getfixturevalue("on_file")
        return
    url = request.getfixturevalue("server").url

    def on_server(**settings: Any) -> Store:
        return Store(StoreSettings(url=url, **settings), None, store_samples.MARKS)

    emptied = on_server()
    names = ", ".join(METADATA.tables)
    emptied.run(BACKGROUND, lambda connection: connection.execute(text(f"TRUNCATE {names}")))
    emptied.close()
    yield from _closing(on_server)


@pytest.fixture
def store(make: Make) -> Store:
    return make()


def _closing(make: Make) -> Iterator[Make]:
    made: list[Store] = []

    def noted(**settings: Any) -> Store:
        made.append(make(**settings))
        return made[-1]

    yield noted
    for one in made:
        one.close()
