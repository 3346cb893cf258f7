"""The commands of docs/backup.md and docs/deploy.md: what is not played by `make e2e` is run or read here."""

import os
import re
import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "backup.md").read_text("utf-8")
DEPLOYING = (ROOT / "docs" / "deploy.md").read_text("utf-8")


def commands(heading: str, page: str = PAGE) -> str:
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
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
    for heading in ("To back up PostgreSQL", "To restore PostgreSQL", "To keep the audit trail"):
        script = commands(heading)
        assert script
        for service in re.findall(r"docker-compose (?:exec -T|run --rm) ([a-z0-9-]+)", script):
            assert f"\n  {service}:\n" in compose


def test_the_audit_trail_is_taken_away_whole(tmp_path: Path) -> None:
    """The commands as the container runs them; a line that comes meanwhile is in the next file."""
    script = re.sub(r'(?<=[ "])/audit\b', str(tmp_path / "audit"), commands("To keep the audit trail"))
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "audit.jsonl").write_text('{"client":"example-ehr"}\n')
    known = 'docker-compose() { shift 3; "$@"; }\nset -euo pipefail\n'
    command = ["bash", "-c", known + script]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=30)  # noqa: S603
    assert [*(tmp_path / "audit").iterdir()] == []
    with tarfile.open(tmp_path / "audit.tar") as archive:
        (one,) = archive.getmembers()
        kept = archive.extractfile(one)
        assert kept is not None
        assert kept.read() == b'{"client":"example-ehr"}\n'


def test_a_rollback_leaves_out_the_former_migration() -> None:
    """It refuses tables of a later version, and what waits for it would never start."""
    (command,) = commands("Rollback", DEPLOYING).splitlines()
    words = command.split()
    assert words[:4] == ["docker-compose", "up", "-d", "--no-deps"]
    waiting = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    ours = {name for name, one in waiting.items() if "dystonia-cds/" in one["image"] and "profiles" not in one}
    assert {*words[4:]} == ours - {"migrate"}


def test_an_upgrade_ends_with_the_configuration_of_those_that_only_look() -> None:
    assert commands("Upgrade", DEPLOYING).splitlines()[-2:] == [
        "docker-compose kill -s HUP edge",
        "docker-compose --profile monitoring kill -s HUP prometheus",
    ]
