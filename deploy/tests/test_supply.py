"""What `make audit` and `make sbom` say; and not: that all is well where nobody could tell."""

import importlib
import json
import re
import sys
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HERE = ROOT / "deploy" / "supply"
POLICY = tomllib.loads((HERE / "policy.toml").read_text("utf-8"))
TODAY = date(2026, 6, 1)
OSI = "Classifier: License :: OSI Approved ::"
PINS = "flask==3.1.3 \\\n    --hash=sha256:00\npyjwt==2.15.1 \\\n    --hash=sha256:00\n"


advisories: Any = importlib.import_module("advisories")
audit: Any = importlib.import_module("audit")
licenses: Any = importlib.import_module("licenses")
pins: Any = importlib.import_module("pins")
sbom: Any = importlib.import_module("sbom")

Saying = Callable[..., Path]


@pytest.fixture
def saying(tmp_path: Path) -> Saying:
    """Makes a command that prints, for each source that it may be asked for, a text, and ends with a status."""

    def made(answers: dict[str, str], status: int = 0) -> Path:
        path = tmp_path / "pip-audit"
        path.write_text(
            f"#!{sys.executable}\nimport sys\nanswers = {answers!r}\n"
            "source = next((one.partition('=')[2] for one in sys.argv if '-service=' in one), '')\n"
            f"print(answers.get(source, ''))\nprint('no way there', file=sys.stderr)\nsys.exit({status})\n"
        )
        path.chmod(0o755)
        return path

    return made


def dependencies(*entries: dict[str, Any]) -> str:
    return json.dumps({"dependencies": entries, "fixes": []})


def clean(name: str, version: str = "1") -> dict[str, Any]:
    return {"name": name, "version": version, "vulns": []}


def skipped(name: str) -> dict[str, Any]:
    return {"name": name, "skip_reason": f"Dependency not found on PyPI and could not be audited: {name} (1)"}


def at_fault(name: str) -> dict[str, Any]:
    vulnerability = {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["2"], "description": "x"}
    return {"name": name, "version": "1", "vulns": [vulnerability]}


def asked(tool: Path) -> Any:
    return advisories.of_python([HERE / "tool.txt"], ["flask", "pyjwt"], tool)


def test_what_was_audited_is_not_said_to_be_missed(saying: Saying) -> None:
    answer = asked(saying({"pypi": dependencies(clean("flask"), clean("pyjwt"))}))
    assert answer.missed == ""
    assert list(advisories.faults([answer], [], TODAY)) == []


def test_a_source_that_knows_no_package_has_audited_nothing(saying: Saying) -> None:
    answer = asked(saying({"pypi": dependencies(skipped("flask"), skipped("pyjwt"))}))
    assert answer.missed.startswith("NOT AUDITED: none of 2 Python packages: pypi: said of 2 packages")
    assert "osv: no way there" in answer.missed
    assert "\n" not in answer.missed
    assert list(advisories.faults([answer], [], TODAY)) == []


def test_a_partly_audited_set_names_what_is_left(saying: Saying) -> None:
    answer = asked(saying({"pypi": dependencies(clean("flask"), skipped("pyjwt"))}))
    assert answer.missed.startswith("NOT AUDITED: 1 of 2 Python packages (pyjwt): ")


def test_a_package_of_which_nothing_was_said_is_not_audited(saying: Saying) -> None:
    answer = asked(saying({"pypi": dependencies(clean("flask")), "osv": dependencies()}))
    assert answer.missed.startswith("NOT AUDITED: 1 of 2 Python packages (pyjwt): ")


def test_the_second_source_answers_for_what_the_first_left_open(saying: Saying) -> None:
    first, second = dependencies(clean("flask"), skipped("pyjwt")), dependencies(clean("flask"), at_fault("pyjwt"))
    answer = asked(saying({"pypi": first, "osv": second}, status=1))
    assert answer.missed == ""
    assert [one.package for one in answer.known] == ["pyjwt"]


@pytest.mark.parametrize("said", ["", "no JSON", "[]", "{}"])
def test_no_answer_is_no_good_news(saying: Saying, said: str) -> None:
    assert asked(saying({"pypi": said, "osv": said})).missed.startswith("NOT AUDITED: none of 2 ")


def test_a_tool_that_is_missing_audits_nothing(tmp_path: Path) -> None:
    assert "is not installed" in asked(tmp_path / "nowhere").missed


def decision(**changes: Any) -> dict[str, Any]:
    return {
        "id": "CVE-2026-1",
        "package": "pyjwt",
        "reason": "never called",
        "reviewed": TODAY,
        "until": TODAY,
    } | changes


@pytest.mark.parametrize(
    ("ignored", "words"),
    [
        ([], ["pyjwt 1: CVE-2026-1, PYSEC-2026-1; repaired in: 2"]),
        ([decision()], []),
        ([decision(id="PYSEC-2026-1")], []),
        ([decision(package="flask")], ["pyjwt 1: "]),
        ([decision(until=date(2026, 5, 31))], ["has run out on 2026-05-31", "pyjwt 1: "]),
        ([{"id": "CVE-2026-1", "package": "pyjwt"}], ["lacks reason, reviewed, until"]),
    ],
)
def test_a_known_vulnerability_fails_unless_somebody_decided(
    saying: Saying, ignored: list[dict[str, Any]], words: list[str]
) -> None:
    answer = asked(saying({"pypi": dependencies(clean("flask"), at_fault("pyjwt"))}, status=1))
    found = list(advisories.faults([answer], ignored, TODAY))
    assert len(found) == len(words)
    assert all(word in line for word, line in zip(words, found, strict=True))


def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: dict[str, Any]) -> Any:
    (tmp_path / "package-lock.json").write_text(json.dumps({"packages": {"": {}, "node_modules/@a/b": {}}}))
    (tmp_path / "report").write_text(json.dumps(report))
    (tmp_path / "npm").write_text("#!/bin/sh\nexec cat report\n")
    (tmp_path / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return advisories.of_npm(tmp_path)


def test_npm_that_cannot_ask_has_audited_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = npm(tmp_path, monkeypatch, {"message": "405 Method Not Allowed", "error": {}})
    assert answer.missed.endswith("405 Method Not Allowed")
    assert answer.missed.startswith("NOT AUDITED: none of 1 npm packages")


def test_npm_s_vulnerabilities_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    via = [{"url": "https://advisories.example/GHSA-aaaa", "title": "x"}, "other"]
    answer = npm(
        tmp_path, monkeypatch, {"vulnerabilities": {"@a/b": {"via": via, "range": "<2", "fixAvailable": True}}}
    )
    assert answer.missed == ""
    assert ["GHSA-aaaa" in line for line in advisories.faults([answer], [], TODAY)] == [True]


@pytest.mark.parametrize(
    ("license", "shipped", "words"),
    [
        ("MIT", True, ""),
        ("MIT", False, ""),
        ("MIT OR Apache-2.0", False, ""),
        ("GPL-3.0-only", True, "GPL-3.0-only is not on the list for what is in an image"),
        ("AGPL-3.0-only", False, "AGPL-3.0-only is not on the list for what builds and tests"),
        ("LGPL-2.1-or-later", True, "is not on the list for what is in an image"),
        ("", False, "example 1: nobody can tell its license"),
    ],
)
def test_a_license_must_be_known_and_accepted(license: str, shipped: bool, words: str) -> None:
    found = list(licenses.faults([licenses.Listed("example", "1", license, shipped)], POLICY["licenses"]))
    assert found == [] if not words else words in found[0]


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ("License-Expression: MIT", "MIT"),
        ("License: mit", "MIT"),
        ("License: Apache 2.0", "Apache-2.0"),
        ("License: the whole text of a license, which nobody can call a name of it", ""),
        (f"{OSI} MIT License", "MIT"),
        (f"{OSI} BSD License", ""),
        (f"{OSI} MIT License\n{OSI} ISC License (ISCL)", ""),
        ("Summary: says nothing", ""),
    ],
)  # fmt: skip
def test_a_license_is_read_from_what_a_package_states(tmp_path: Path, metadata: str, expected: str) -> None:
    folder = tmp_path / "example-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: Example\nVersion: 1\n{metadata}\n")
    distribution = licenses.installed([tmp_path])["example", "1"]
    assert licenses.stated(distribution, POLICY["licenses"]) == expected


def test_every_package_of_the_images_has_a_license_that_we_accept() -> None:
    rows = [one for one in audit.listed(POLICY["licenses"]) if one.shipped]
    assert {one.name for one in rows} >= {"flask", "pyjwt", "aiohttp", "gunicorn"}
    assert list(licenses.faults(rows, POLICY["licenses"])) == []


def test_pins_are_read_with_their_markers(tmp_path: Path) -> None:
    path = tmp_path / "pins.txt"
    path.write_text(PINS + "colorama==0.4.6 ; sys_platform == 'nowhere' \\\n    --hash=sha256:00\n")
    read = [*pins.pins(path)]
    assert [(one.name, one.version, one.needed) for one in read] == [
        ("flask", "3.1.3", True), ("pyjwt", "2.15.1", True), ("colorama", "0.4.6", False),
    ]  # fmt: skip


@pytest.mark.parametrize("line", ["flask", "flask>=3 --hash=sha256:00", "flask==3.1.3"])
def test_what_is_not_pinned_by_hash_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "pins.txt").write_text(line + "\n")
    with pytest.raises(ValueError, match="flask is not pinned"):
        list(pins.pins(tmp_path / "pins.txt"))


@pytest.mark.parametrize("path", audit.pinned_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_package_that_we_install_is_pinned_by_hash(path: Path) -> None:
    assert len([*pins.pins(path)]) > 0
    assert not re.search(r"^--|https?:", path.read_text("utf-8"), re.MULTILINE), "no place to load from is written down"


def test_what_is_decided_in_the_policy_is_in_force() -> None:
    assert list(advisories.faults([], POLICY.get("ignored", []), date.today())) == []  # noqa: DTZ011


def component(name: str, version: str = "1", **more: Any) -> dict[str, Any]:
    return {"type": "library", "name": name, "version": version, "licenses": [{"license": {"id": "MIT"}}]} | more


WHEEL = "file:///builder/somewhere/wheels/dystonia_cds_gateway-1-py3-none-any.whl"
LISTED = {
    "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "metadata": {"timestamp": "2026-06-01"},
    "components": [
        component("Flask", "3.1.3"), component("PyJWT", "2.15.1"), component("dystonia-cds-chassis"),
        component("dystonia-cds-gateway", externalReferences=[{"type": "distribution", "url": WHEEL}]),
    ],
}  # fmt: skip
PINNED = [pins.Pin("flask", "3.1.3"), pins.Pin("pyjwt", "2.15.1"), pins.Pin("colorama", "1", needed=False)]


def test_a_bill_is_about_our_package_and_names_no_folder_of_the_builder() -> None:
    bill = sbom.finished(LISTED, "gateway")
    assert bill["metadata"]["component"]["name"] == "dystonia-cds-gateway"
    assert bill["metadata"]["component"]["type"] == "application"
    assert bill["metadata"]["timestamp"] == "2026-06-01"
    assert [one["name"] for one in bill["components"]] == ["Flask", "PyJWT", "dystonia-cds-chassis"]
    assert "somewhere" not in json.dumps(bill)
    assert list(sbom.against_the_pins(bill, PINNED)) == []


def test_a_license_that_the_tool_leaves_out_is_told() -> None:
    bare = {key: value for key, value in component("protobuf", "7.36.2").items() if key != "licenses"}
    bill = sbom.finished({**LISTED, "components": [*LISTED["components"], bare]}, "gateway")
    found = [one["licenses"] for one in bill["components"] if one["name"] == "protobuf"]
    assert found == [[{"license": {"id": "BSD-3-Clause", "acknowledgement": "declared"}}]]


def test_a_bill_of_something_else_is_refused() -> None:
    with pytest.raises(LookupError, match="dystonia-cds-content is not installed there"):
        sbom.finished(LISTED, "content")


@pytest.mark.parametrize(
    ("components", "words"),
    [
        ([component("Flask", "3.1.3")], "pyjwt 2.15.1 is pinned, but not in the environment"),
        ([component("Flask", "3.1.2"), component("PyJWT", "2.15.1")], "flask 3.1.3 is pinned, but not"),
        ([*LISTED["components"], component("intruder")], "intruder 1 is in the environment, but not pinned"),
        ([*LISTED["components"][:3], component("PyJWT", "2.15.1", licenses=[])], "PyJWT states no license"),
    ],
)
def test_a_bill_says_what_is_pinned_and_nothing_else(components: list[dict[str, Any]], words: str) -> None:
    subject = {"metadata": {"component": component("dystonia-cds-gateway")}}
    assert any(words in fault for fault in sbom.against_the_pins(subject | {"components": components}, PINNED))


def test_the_reason_names_no_address() -> None:
    why = (
        "HTTPSConnectionPool(host='packages.example', port=443): Max retries exceeded with url: /pypi/flask/3.1.3/json"
        " (Failed to resolve 'advisories.example' ...); 405 - POST https://registry.example/-/npm/v1/security"
    )
    answer = advisories.Answer("npm packages", frozenset({"a"}), frozenset(), (), why)
    assert ".example" not in answer.missed
    assert "443" not in answer.missed
    assert "Max retries exceeded" in answer.missed
    assert "405" in answer.missed
