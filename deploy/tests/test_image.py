"""The container recipe: what a linter of such recipes would look for, and what we promise besides."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
LINES = [line for line in TEXT.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
BUILD, IMAGE = (part.splitlines() for part in "\n".join(LINES).split("FROM ")[1:])
IGNORED = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
COPIED = [
    source
    for line in LINES
    if line.startswith("COPY ") and "--from" not in line
    for source in line.split()[1:-1]
]  # fmt: skip


def of(instruction: str, lines: list[str]) -> list[str]:
    return [line.partition(" ")[2] for line in lines if line.startswith(f"{instruction} ")]


def test_both_stages_stand_on_the_same_named_base() -> None:
    bases = re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE)
    assert bases == ["${BASE}", "${BASE}"]
    (default,) = re.findall(r"^ARG BASE=(\S+)$", TEXT, re.MULTILINE)
    assert re.fullmatch(r"python:3\.\d+-slim(@sha256:[0-9a-f]{64})?", default)


def test_the_image_runs_as_a_number_that_is_not_root() -> None:
    users = of("USER", IMAGE)
    assert users == ["10001:10001"]
    after = IMAGE[IMAGE.index("USER 10001:10001") :]
    assert not of("RUN", after)
    assert not of("COPY", after)
    (made,) = [line for line in of("RUN", IMAGE) if "useradd" in line]
    assert "--no-create-home" in made
    assert "--shell /usr/sbin/nologin" in made


def test_what_is_run_belongs_to_root_and_cannot_be_changed_by_the_service() -> None:
    assert "chown" not in TEXT
    assert [line for line in IMAGE if "-o 10001" in line] == [
        line for line in IMAGE if "/state" in line and "RUN" in line
    ]


def test_the_image_has_no_installer_and_installs_nothing() -> None:
    pip = [line for line in IMAGE if "pip" in line]
    assert len(pip) == 1
    assert pip[0].startswith("RUN rm -rf ")
    assert {"/usr/local/bin/pip*", "/usr/local/lib/python3*/site-packages/pip*"} <= {*pip[0].split()}
    assert "/usr/local/lib/python3*/ensurepip" in pip[0]
    assert "--without-pip /app" in " ".join(BUILD)
    assert not any(word in TEXT for word in ("apt-get", "curl", "wget", "sudo", "ADD ", "| sh", "--privileged"))


def test_everything_from_outside_is_installed_by_hash_and_as_a_wheel() -> None:
    commands = [part for line in of("RUN", BUILD) for part in line.split("&&") if "pip" in part and " install " in part]
    outside = [part for part in commands if "-r " in part]
    assert len(outside) == 4
    assert all("--require-hashes" in part and "--only-binary :all:" in part for part in outside)
    assert all("--no-index" in part and "--no-deps" in part for part in commands if part not in outside)


def test_nothing_is_added_unless_it_is_asked_for_by_name() -> None:
    assert [line for line in LINES if line.startswith("ARG EXTRA")] == ["ARG EXTRA="]
    (added,) = [line for line in of("RUN", BUILD) if "otel.txt" in line and "sbom.py" not in line]
    assert added.startswith('case "$EXTRA" in "") ;;')
    assert '*) echo "EXTRA must be otel, or nothing" >&2; exit 2 ;; esac' in added
    bill = next(line for line in of("RUN", BUILD) if "sbom.py" in line)
    assert "${EXTRA:+--pins requirements/$EXTRA.txt}" in bill


def test_the_bill_of_materials_is_made_from_the_environment_that_becomes_the_image() -> None:
    bill = next(line for line in of("RUN", BUILD) if "sbom.py" in line)
    assert "--python /app/bin/python" in bill
    assert "--output /app/sbom.cdx.json" in bill
    assert BUILD.index(f"RUN {bill}") > max(
        number for number, line in enumerate(BUILD) if "/app/bin/python install" in line
    )
    assert of("COPY", IMAGE)[0] == "--from=build /app /app"
    assert "/supply" not in " ".join(IMAGE), "the tool stays behind"


@pytest.mark.parametrize("source", COPIED)
def test_what_is_copied_is_there_and_is_sent_to_the_build(source: str) -> None:
    assert (ROOT / source).exists()
    assert any(f"!{part}" in IGNORED for part in (source, source.partition("/")[0]))


def test_the_build_is_sent_nothing_that_was_not_named() -> None:
    rules = [line for line in IGNORED if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert not {"!.", "!var", "!.git", "!deploy", "!requirements"} & {*rules}


def test_no_secret_can_be_baked_in() -> None:
    for line in LINES:
        if line.startswith(("ENV ", "ARG ")):
            assert not re.search("KEY|SECRET|TOKEN|PASSWORD", line)


def test_what_is_outside_of_our_packages_is_built_once_for_all_images() -> None:
    first = min(number for number, line in enumerate(BUILD) if line.startswith("ARG PACKAGE"))
    assert all("-r " not in line for line in BUILD[first:]), "an ARG above a RUN makes that RUN differ"
    assert any("-r requirements/runtime.txt" in line for line in BUILD[:first])


def test_what_is_started_is_no_shell() -> None:
    for line in [*of("CMD", IMAGE), *(line.partition("CMD ")[2] for line in of("HEALTHCHECK", IMAGE))]:
        assert line.startswith('["')
    assert len(of("HEALTHCHECK", IMAGE)) == 1
