"""`make release`: what it refuses and why, and that it builds the same bytes twice. `make rehearse` does all of it."""

import importlib
import json
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parents[1] / "release"
TODAY = date(2026, 6, 1)
RULES = "services/screening/src/screening/domain"
LOOK = "## 1.1.0 - 2026-06-01\n\n### Clinical\n\n- A new limit.\n\n### Service\n\n- Quicker.\n"
OLD = "\n## 1.0.0 - 2026-01-01\n\n### Clinical\n\n- The first.\n"
TREE = {
    ".gitignore": "/build/\n",
    "LICENSE": "the license\n",
    "NOTICE": "the notice\n",
    "requirements/runtime.txt": "",
    "CHANGELOG.md": f"# Changelog\n\n{LOOK}{OLD}",
    f"{RULES}/__init__.py": 'RULES_VERSION = "1.0.0"\nRULES_DATE = "2026-01-01"\n',
    f"{RULES}/labs.py": '"""Labs."""\n\nLIMIT = 1  # of old\n',
    "services/screening/src/screening/knowledge/valuesets/b12.json": '{"codes": [1]}\n',
    "services/screening/src/screening/pages/studio_snapshots/1.0.0.json": "{}\n",
    "services/screening/src/screening/store/migrations/versions/v0001.py": "revision = 1\n",
}  # fmt: skip
LABS, CODES, SNAPSHOT, MIGRATION = [*TREE][6:]
SCREENING, FIRST = "services/screening/src/screening/__init__.py", [*TREE][5]
NEWER = 'RULES_VERSION = "1.1.0"\nRULES_DATE = "2026-06-01"\n'


changelog: Any = importlib.import_module("changelog")
preconditions: Any = importlib.import_module("preconditions")
repository: Any = importlib.import_module("repository")
artifacts: Any = importlib.import_module("artifacts")
release: Any = importlib.import_module("release")


def git(tree: Path, *arguments: str) -> None:
    who = ["-c", "user.name=dystonia-cds project", "-c", "user.email=nobody@cds.example", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", tree, *who, *arguments], check=True, capture_output=True, timeout=60)  # noqa: S603, S607


def write(tree: Path, path: str, text: str) -> None:
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(text, "utf-8")


def commit(tree: Path, **changed: str) -> None:
    for path, text in changed.items():
        write(tree, path, text)
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "change")


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of the same layout that has released 1.0.0, and is about to release 1.1.0."""
    tree = tmp_path_factory.mktemp("project")
    git(tree, "init", "--quiet")
    for package, folder in preconditions.PACKAGES.items():
        write(tree, f"{folder}/src/{package}/__init__.py", '"""Says nothing."""\n\n__version__ = "1.1.0"\n')
        project = f'name = "dystonia-cds-{package}"\nrequires-python = ">=3.11"\nlicense = "Apache-2.0"\n'
        system = 'requires = ["flit_core>=3.12"]\nbuild-backend = "flit_core.buildapi"\n'
        module = f'[tool.flit.module]\nname = "{package}"\n'
        text = f'[build-system]\n{system}[project]\n{project}dynamic = ["version", "description"]\n{module}'
        write(tree, f"{folder}/pyproject.toml", text)
    commit(tree, **TREE)
    git(tree, "tag", "v1.0.0")
    return tree


@pytest.fixture
def project(released: Path, tmp_path: Path) -> Path:
    """One to change."""
    git(tmp_path, "clone", "--quiet", str(released), str(tmp_path / "clone"))
    return tmp_path / "clone"


def refusals(project: Path, version: str = "1.1.0") -> str:
    return "\n".join(preconditions.quick(repository.Repository(project), version, TODAY))


def test_a_release_that_may_go_out_is_not_refused(released: Path) -> None:
    assert refusals(released) == ""
    assert str(preconditions.former(repository.Repository(released), release.Version("1.1.0"))) == "1.0.0"


@pytest.mark.parametrize("version", ["", "1.1", "v1.1.0", "1.1.0rc1", "01.1.0", "1.1.0\n", "../x"])
def test_a_version_is_three_numbers(released: Path, version: str) -> None:
    assert "is no version of ours" in refusals(released, version)


def test_a_tree_with_changes_is_refused_and_they_are_named(project: Path) -> None:
    write(project, "stray.txt", "x")
    write(project, "LICENSE", "another\n")
    assert refusals(project) == (
        "the tree is not as it was committed (LICENSE, stray.txt): commit it, or put it away"
    )  # fmt: skip


def _moved(tree: Path) -> None:
    git(tree, "tag", "v1.1.0", "HEAD")
    commit(tree, NOTICE="more\n")


def _outrun(tree: Path) -> None:
    git(tree, "tag", "v2.0.0", "HEAD")


def _without_tags(tree: Path) -> None:
    git(tree, "tag", "--delete", "v1.0.0")


def changing(**changed: str) -> Callable[[Path], None]:
    return lambda tree: commit(tree, **changed)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_moved, "v1.1.0 is tagged already, at "),
        (_outrun, "v2.0.0 is released already: the next version is greater than 1.1.0"),
        (_without_tags, "there is no tag of 1.0.0, which CHANGELOG.md calls released: git fetch --tags"),
        (changing(**{SCREENING: '__version__ = "1.0.0"\n'}), f'{SCREENING} says __version__ = "1.0.0": all packages'),
        (changing(**{LABS: "LIMIT = 2\n"}), f"since v1.0.0 they decide or say something else ({LABS}"),
        (changing(**{CODES: '{"codes": [1, 2]}'}), f"something else ({CODES}): raise RULES_VERSION and RULES_DATE"),
        (changing(**{SNAPSHOT: '{"new": 1}\n'}), f"{SNAPSHOT} is not as v1.0.0 had it"),
        (changing(**{MIGRATION: "revision = 2\n"}), f"{MIGRATION} is not as v1.0.0 had it: databases have run it"),
        (changing(**{FIRST: NEWER.replace("1.1", "0.9")}), "0.9.0, and v1.0.0 had 1.0.0: the number only grows"),
        (changing(**{FIRST: NEWER.replace("2026-06-01", "2026-01-01")}), "RULES_DATE is still 2026-01-01"),
        (
            changing(**{FIRST: NEWER, "CHANGELOG.md": LOOK.replace("- A new limit.", "No clinical change.") + OLD}),
            "rules are 1.1.0, v1.0.0 had 1.0.0, and CHANGELOG.md says 'No clinical change.': say what changed",
        ),
    ],
)  # fmt: skip
def test_what_may_not_go_out_is_refused_with_what_to_do(
    project: Path, change: Callable[[Path], None], words: str
) -> None:
    change(project)
    said = refusals(project)
    assert words in said
    assert "\n" not in said, "one fault is told once"


def test_other_rules_under_another_number_go_out(project: Path) -> None:
    commit(project, **{LABS: "LIMIT = 2\n", FIRST: NEWER, SNAPSHOT.replace("1.0.0", "1.1.0"): "{}\n"})
    commit(project, **{MIGRATION.replace("0001", "0002"): "revision = 2\n"})
    assert refusals(project) == ""


def test_words_beside_the_rules_are_no_other_rules(project: Path) -> None:
    commit(project, **{LABS: '"""Of laboratories."""\nLIMIT = (\n    1\n)\n', CODES: '{ "codes": [1] }'})
    assert refusals(project) == ""


def test_a_shallow_clone_cannot_tell_what_was_released(released: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--depth", "1", released.as_uri(), str(tmp_path / "shallow"))
    assert refusals(tmp_path / "shallow").endswith("git fetch --unshallow --tags")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LOOK + OLD, ""),
        (LOOK.replace("- A new limit.", "- No clinical change") + OLD, ""),
        (OLD, "has no section for 1.1.0: begin one with the line '## 1.1.0 - 2026-06-01'"),
        (OLD + LOOK, "the section of 1.1.0 is not the first; above it stands 1.0.0"),
        (LOOK + OLD + LOOK, "has more than one section for 1.1.0"),
        (LOOK.replace("2026-06-01", "unreleased"), "1.1.0 has no date but 'unreleased': write '## 1.1.0 - 2026-06-01'"),
        (LOOK.replace(" - 2026-06-01", ""), "1.1.0 has no date but ''"),
        (LOOK.replace("2026-06-01", "2026-06-02"), "the date of 1.1.0, 2026-06-02, is still to come"),
        (LOOK + OLD.replace("2026-01-01", "unreleased"), "calls 1.0.0 unreleased: what is in it goes out now"),
        (LOOK.replace("Clinical", "Medicine"), "the section of 1.1.0 must begin with '### Clinical'"),
        (LOOK.replace("- A new limit.\n", ""), "nothing stands under '### Clinical' of 1.1.0"),
        ("## 1.1.0 - 2026-06-01\n", "must begin with '### Clinical'"),
    ],
)
def test_the_changelog_has_a_day_and_the_clinical_changes_first(text: str, words: str) -> None:
    found = list(changelog.faults(changelog.sections(f"# Changelog\n\n{text}"), "1.1.0", TODAY))
    assert found == [] if not words else len(found) == 1 and words in found[0]


def test_a_release_is_built_whole_and_nothing_is_tagged(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(preconditions, "PACKAGES", {"chassis": "services/chassis"})
    monkeypatch.setattr(artifacts, "PACKAGES", {"chassis": "services/chassis"})
    monkeypatch.setattr(artifacts, "engine_answers", lambda: False)
    monkeypatch.setattr(preconditions, "generated", lambda _root: iter(()))
    write(project, "services/chassis/src/chassis/left.pyc", "x")
    write(project, ".git/info/exclude", "*.pyc\n")
    assert release.main(["--checked", "--leave-out", "bills", "1.1.0"], project) == 0
    made = project / "build" / "release" / "1.1.0"
    told = {path.name for path in made.iterdir()}
    wheel, sdist = "dystonia_cds_chassis-1.1.0-py3-none-any.whl", "dystonia_cds_chassis-1.1.0.tar.gz"
    assert told == {
        wheel, sdist, "dystonia-cds-1.1.0-source.tar.gz", "dystonia-cds.txt", "runtime.txt", "NOTES.md",
        "release.json", "SHA256SUMS",
    }  # fmt: skip
    with zipfile.ZipFile(made / wheel) as archive:
        names = {*archive.namelist()}
    assert {f"dystonia_cds_chassis-1.1.0.dist-info/licenses/{one}" for one in ("LICENSE", "NOTICE")} <= names
    assert not any(name.endswith("left.pyc") for name in names)
    with tarfile.open(made / "dystonia-cds-1.1.0-source.tar.gz") as archive:
        assert "dystonia-cds-1.1.0/CHANGELOG.md" in archive.getnames()
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=made, check=True, capture_output=True)  # noqa: S607
    assert artifacts.sums(made)[wheel] in (made / "dystonia-cds.txt").read_text()
    assert (made / "NOTES.md").read_text().startswith("# dystonia-cds 1.1.0 - 2026-06-01\n\n### Clinical\n\n- A new")
    facts = json.loads((made / "release.json").read_text())
    assert (facts["rulesVersion"], facts["storeSchema"], facts["releaseBefore"]) == ("1.0.0", "0001", "1.0.0")
    said = capsys.readouterr().out
    assert "NOT BUILT: the images; no container engine answers here" in said
    assert "LEFT OUT: the bills of materials" in said
    assert "git tag -s v1.1.0" in said
    assert repository.Repository(project).tagged(release.Version("1.1.0")) == ""


def test_a_build_that_differs_from_the_first_is_no_release(
    released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def built(_repository: Any, out: Path) -> None:
        out.mkdir()
        (out / "one.whl").write_text(out.name)

    monkeypatch.setattr(artifacts, "_built", built)
    with pytest.raises(artifacts.NotBuilt, match=r"built twice, and not the same: one\.whl"):
        artifacts.packages(repository.Repository(released), tmp_path)


def test_a_refusal_ends_with_2_and_builds_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(preconditions, "generated", lambda _root: iter(["docs/mutation.md is not of these rules"]))
    assert release.main(["1.1.0"], project) == 2
    assert capsys.readouterr().err.startswith("REFUSED: docs/mutation.md is not of these rules\n")
    assert release.main(["1.1.1"], project.parent) == 2
    assert "REFUSED: git cannot say what is released: " in capsys.readouterr().err
    assert not (project / "build").exists()


def test_the_documents_name_the_version_of_the_store() -> None:
    latest = max(path.stem for path in (HERE.parents[1] / preconditions.MIGRATIONS).glob("v*.py"))[1:]
    for page in ("versioning.md", "upgrade.md"):
        assert f"`{latest}`" in (HERE.parents[1] / "docs" / page).read_text("utf-8"), "say what is true with it"


DOCKER = """#!/bin/sh
echo "$*" >>"$0.asked"
case "$1" in
  build) pwd >>"$0.folders"; test -f deploy/Dockerfile ;;
  inspect) echo "sha256:of $4" ;;
  run) echo '{"bomFormat": "CycloneDX"}' ;;
esac
"""


def test_images_are_built_from_the_commit_and_told_by_their_ids(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(project, **{"deploy/Dockerfile": "FROM base\n"})
    write(project, "secret.txt", "not committed")
    docker, out = tmp_path / "docker", tmp_path / "out"
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    out.mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("PYTHON_IMAGE", "python:3.13-slim@sha256:aa")
    assert artifacts.engine_answers()
    artifacts.images(repository.Repository(project), "1.1.0", out)
    names = [f"dystonia-cds/{one}:1.1.0" for one in ("content", "screening", "gateway")]
    assert (out / "images.txt").read_text() == "".join(f"{name} sha256:of {name}\n" for name in names)
    assert {path.name for path in (out / "sbom").iterdir()} == {
        "image-content.cdx.json", "image-screening.cdx.json", "image-gateway.cdx.json",
    }  # fmt: skip
    built = [line for line in (tmp_path / "docker.asked").read_text().splitlines() if line.startswith("build ")]
    assert all("BASE=python:3.13-slim@sha256:aa" in line and line.endswith(" .") for line in built)
    assert not any(folder.startswith(str(project)) for folder in (tmp_path / "docker.folders").read_text().split())


def test_an_engine_that_fails_is_told(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docker").write_text("#!/bin/sh\necho no space left on device >&2\nexit 1\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert not artifacts.engine_answers()
    with pytest.raises(artifacts.NotBuilt, match="the image content: no space left on device"):
        artifacts.images(repository.Repository(project), "1.1.0", tmp_path)
