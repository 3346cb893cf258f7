"""What the compose file promises to whoever runs it; the container recipe is in test_image.py."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = sorted(COMPOSE["services"])
TRY = ["try", "try-content", "try-screening"]


def test_the_three_services_are_there_and_again_for_trying_out() -> None:
    assert sorted({*SERVICES} - {*TRY}) == ["content", "gateway", "screening"]
    assert [name for name in SERVICES if COMPOSE["services"][name].get("profiles")] == TRY
    assert all(COMPOSE["services"][name]["profiles"] == ["try"] for name in TRY)


def test_the_gateway_is_the_only_published_port_and_only_on_this_machine() -> None:
    published = {name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service}
    only = ["127.0.0.1:${GATEWAY_PORT:-8080}:8000"]
    assert published == {"gateway": only, "try": only}
    assert COMPOSE["networks"]["inner"] == {"internal": True}


def test_content_reaches_nobody_outside_and_screening_reaches_ehrs() -> None:
    networks = {name: service["networks"] for name, service in COMPOSE["services"].items()}
    assert networks["content"] == networks["try-content"] == ["inner"]
    assert networks["screening"] == networks["try-screening"] == ["inner", "ehr"]
    assert networks["gateway"] == networks["try"] == ["inner", "edge"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_more_rights_than_it_needs(name: str) -> None:
    service = COMPOSE["services"][name]
    user = service["user"].removeprefix("${TRY_USER:-").removesuffix("}") if name in TRY else service["user"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["restart"] == ("no" if name in TRY else "unless-stopped")
    assert "/readyz" in service["healthcheck"]["test"][-1]
    assert "privileged" not in service
    mounted = [volume.rpartition("}:")[2] for volume in service.get("volumes", [])]
    expected = {
        "screening": ["/site:ro", "screening-state:/state"],
        "gateway": ["/clients:ro", "gateway-state:/state"],
    }
    assert mounted == expected.get(name, []), "what a site sets itself, for reading only; and what each remembers"


def test_a_service_starts_when_the_one_that_it_asks_is_ready() -> None:
    waits = {name: service.get("depends_on", {}) for name, service in COMPOSE["services"].items()}
    healthy = {"condition": "service_healthy"}
    assert {name: waits[name] for name in SERVICES if name not in TRY} == {
        "content": {},
        "screening": {"content": healthy},
        "gateway": {"screening": healthy},
    }
    assert {name: waits[name] for name in TRY} == {
        "try-content": {},
        "try-screening": {"try-content": healthy},
        "try": {"try-screening": healthy},
    }


def test_every_service_knows_the_others_by_the_same_key() -> None:
    for name, service in COMPOSE["services"].items():
        assert service["environment"]["INTERNAL_KEY_FILE"] == "/run/secrets/internal_key"
        sources = {one if isinstance(one, str) else one["source"] for one in service["secrets"]}
        assert ("try_internal_key" if name in TRY else "internal_key") in sources


def test_every_secret_that_an_environment_names_is_mounted_there() -> None:
    for service in COMPOSE["services"].values():
        mounted = {one if isinstance(one, str) else one["target"] for one in service["secrets"]}
        named = {value.removeprefix("/run/secrets/") for value in service["environment"].values()} & mounted
        assert named == mounted


def test_what_try_clients_makes_is_what_the_profile_takes() -> None:
    files = {name: secret["file"] for name, secret in COMPOSE["secrets"].items() if name.startswith("try_")}
    assert files == {
        "try_clients": "${TRY_DIR:-./var/try}/clients.yaml",
        "try_identity_key": "${TRY_DIR:-./var/try}/identity.key",
        "try_internal_key": "${TRY_DIR:-./var/try}/internal.key",
        "try_operator_token": "${TRY_DIR:-./var/try}/operator.token",
    }


@pytest.mark.parametrize("profile", [[], ["--profile", "try"]])
def test_docker_compose_takes_the_file(profile: list[str]) -> None:
    if shutil.which("docker-compose") is None:
        pytest.skip("docker-compose is not installed: its own reading of the file is not tested")
    done = subprocess.run(  # noqa: S603
        ["docker-compose", *profile, "config", "--services"],  # noqa: S607  whichever is installed
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {*done.stdout.split()} >= {"content", "screening", "gateway", *(TRY if profile else [])}


def test_secrets_come_as_files_never_as_values() -> None:
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())
    for service in COMPOSE["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("KEY|SECRET|TOKEN|PASSWORD|CLIENTS", name):
                assert name.endswith("_FILE")
                assert value.startswith(("/run/secrets/", "/clients/")) or value == f"${{{name}:-}}"


def test_nothing_newer_than_docker_compose_1_29_is_used() -> None:
    assert COMPOSE["version"] == "3.8"
    assert "include" not in COMPOSE
    assert all("develop" not in service for service in COMPOSE["services"].values())
