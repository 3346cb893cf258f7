"""The commands of docs/backup.md: what is not played by `make e2e` is run here."""

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "backup.md").read_text("utf-8")


def commands(heading: str) -> str:
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return "".join(re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))


def test_a_file_is_backed_up_whole_while_it_is_written_to(tmp_path: Path) -> None:
    script = commands("SQLite").replace("python3", sys.executable)
    with closing(sqlite3.connect(tmp_path / "screening.sqlite", isolation_level=None)) as writing:
        writing.execute("PRAGMA journal_mode = WAL")
        writing.execute("CREATE TABLE answers (id INTEGER)")
        writing.execute("INSERT INTO answers VALUES (1)")
        assert (tmp_path / "screening.sqlite-wal").stat().st_size, "the latest is not in the file itself"
        environ = {"PATH": os.environ["PATH"], "STATE_DIR": str(tmp_path)}
        subprocess.run(["bash", "-c", script], env=environ, check=True, timeout=30)  # noqa: S603, S607
    with closing(sqlite3.connect(tmp_path / "backup.sqlite")) as kept:
        assert kept.execute("SELECT id FROM answers").fetchall() == [(1,)]


def test_the_commands_for_postgresql_name_what_the_compose_file_has() -> None:
    compose = (ROOT / "docker-compose.yml").read_text("utf-8")
    for heading in ("To back up PostgreSQL", "To restore PostgreSQL"):
        script = commands(heading)
        assert script
        for service in re.findall(r"docker-compose (?:exec -T|run --rm) ([a-z0-9-]+)", script):
            assert f"\n  {service}:\n" in compose
