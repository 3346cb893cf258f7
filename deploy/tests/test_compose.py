"""What the compose file promises to whoever runs it; the container recipe is in test_image.py."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

import content.settings
import gateway.settings
import screening.settings
from chassis.environment import Environment, SettingsError
from gateway.settings import Settings
from gateway.sign_in import ATTEMPTS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
TRACED: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.tracing.yml").read_text("utf-8"))
GUNICORN = ROOT / "deploy" / "gunicorn.conf.py"
ALL: dict[str, dict[str, Any]] = COMPOSE["services"]
REPLICAS = ["screening-1", "screening-2"]
PRODUCTION = ["content", "database", "edge", "gateway", "migrate", *REPLICAS]
TRY = ["try", "try-content", "try-screening"]
MONITORING = ["prometheus"]
OURS = ["content", "gateway", *REPLICAS, *TRY]
"""What serves with our own images."""
ENDS = ["migrate", *TRY]
SERVICES = sorted(ALL)
INTERNAL = {"edge", "inner", "data"}
NGINX = (ROOT / "deploy" / "nginx" / "nginx.conf").read_text("utf-8")
REFUSAL = (ROOT / "deploy" / "nginx" / "refusal.conf").read_text("utf-8")


LOADED: dict[str, Callable[[Mapping[str, str]], Any]] = {
    "content": content.settings.load, "gateway": gateway.settings.load, "screening-1": screening.settings.load,
}  # fmt: skip
FIXED = {"BIND", "STATE_DIR", "CONTENT_PORT", "SCREENING_PORT", "GRACEFUL_TIMEOUT"}
"""What the containers themselves decide: addresses inside, folders, and the end that stop_grace_period waits for."""
NUMBERS = {"KEYS_KEPT_S", "MAX_PREFETCH_KEYS"}
"""Settings that sound like secrets and are none."""


def names(listed: Any) -> set[str]:
    """Names in a list or a mapping of a service."""
    return {*listed}


def test_everything_of_production_starts_without_a_profile() -> None:
    assert {name: service.get("profiles") for name, service in ALL.items()} == {
        **dict.fromkeys(PRODUCTION), **{name: ["try"] for name in TRY}, **{name: ["monitoring"] for name in MONITORING},
    }  # fmt: skip


def test_the_replicas_differ_in_nothing_but_their_folder() -> None:
    first, second = (dict(ALL[name]) for name in REPLICAS)
    assert [one.pop("volumes")[1] for one in (first, second)] == [
        "screening-1-state:/state",
        "screening-2-state:/state",
    ]
    assert first == second
    assert first["networks"]["inner"] == {"aliases": ["screening"]}
    assert ALL["gateway"]["environment"]["UPSTREAMS"] == "screening=http://screening:8000"


def test_the_edge_is_the_only_door_and_the_rest_is_published_on_this_machine_only() -> None:
    assert {name: service["ports"] for name, service in ALL.items() if "ports" in service} == {
        "edge": ["${EDGE_BIND:-0.0.0.0}:${EDGE_PORT:-443}:8443"],
        "try": ["127.0.0.1:${GATEWAY_PORT:-8080}:8000"],
        "prometheus": ["127.0.0.1:${PROMETHEUS_PORT:-9090}:9090"],
    }


def test_who_may_talk_to_whom() -> None:
    assert {name for name, one in COMPOSE["networks"].items() if one.get("internal")} == INTERNAL
    assert {name: names(service["networks"]) for name, service in ALL.items()} == {
        "edge": {"door", "edge"},
        "gateway": {"edge", "inner", "data", "keys"},
        "screening-1": {"inner", "data", "ehr"},
        "screening-2": {"inner", "data", "ehr"},
        "content": {"inner"},
        "migrate": {"data"},
        "database": {"data"},
        "prometheus": {"inner", "watch"},
        "try": {"inner", "door"},
        "try-screening": {"inner", "ehr"},
        "try-content": {"inner"},
    }


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_more_rights_than_it_needs(name: str) -> None:
    service = ALL[name]
    user = service["user"].removeprefix("${TRY_USER:-").removesuffix("}") if name in TRY else service["user"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert all(volume.endswith(":ro") for volume in service.get("volumes", []) if volume.startswith((".", "${")))
    assert all("noexec,nosuid,nodev" in one and "size=" in one for one in service["tmpfs"])


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_takes_more_than_its_share(name: str) -> None:
    service = ALL[name]
    assert re.fullmatch(r"\d+m", service["mem_limit"])
    assert 0 < service["cpus"] <= 2
    assert 0 < service["pids_limit"] <= 256
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}


@pytest.mark.parametrize("name", SERVICES)
def test_what_serves_is_asked_how_it_is_and_started_again(name: str) -> None:
    service = ALL[name]
    assert service["restart"] == ("no" if name in ENDS else "unless-stopped")
    if name == "migrate":
        assert "healthcheck" not in service
        return
    test = service["healthcheck"]["test"]
    assert test[0] == "CMD"
    if name in OURS:
        assert "/readyz" in test[-1]


def test_what_is_kept_lies_in_volumes() -> None:
    mounted = {
        name: sorted(volume.split(":")[0] for volume in service.get("volumes", []) if volume[0] not in ".$")
        for name, service in ALL.items()
    }
    assert {name: volumes for name, volumes in mounted.items() if volumes} == {
        "database": ["database"], "gateway": ["audit", "gateway-state"], "prometheus": ["prometheus"],
        "screening-1": ["screening-1-state"], "screening-2": ["screening-2-state"],
    }  # fmt: skip
    assert {*COMPOSE["volumes"]} == {volume for volumes in mounted.values() for volume in volumes}


def test_a_service_starts_when_the_one_that_it_asks_is_ready() -> None:
    waits = {
        name: {other: one["condition"] for other, one in service.get("depends_on", {}).items()}
        for name, service in ALL.items()
    }
    healthy, done = "service_healthy", "service_completed_successfully"
    replica = {"content": healthy, "database": healthy, "migrate": done}
    assert waits == {
        "edge": {"gateway": healthy},
        "gateway": {"screening-1": healthy, "screening-2": healthy, "database": healthy},
        "screening-1": replica,
        "screening-2": replica,
        "migrate": {"database": healthy},
        "content": {},
        "database": {},
        "prometheus": {},
        "try-content": {},
        "try-screening": {"try-content": healthy},
        "try": {"try-screening": healthy},
    }


def test_every_service_knows_the_others_by_the_same_key() -> None:
    for name in OURS:
        assert ALL[name]["environment"]["INTERNAL_KEY_FILE"] == "/run/secrets/internal_key"
        sources = {one if isinstance(one, str) else one["source"] for one in ALL[name]["secrets"]}
        assert ("try_internal_key" if name in TRY else "internal_key") in sources


def test_every_secret_that_an_environment_names_is_mounted_there() -> None:
    for service in ALL.values():
        mounted = {one if isinstance(one, str) else one["target"] for one in service.get("secrets", ())}
        named = {*re.findall(r"/run/secrets/([\w.]+)", " ".join(service.get("environment", {}).values()))}
        assert named <= mounted
        if "image" in service and service["image"].startswith("dystonia-cds/"):
            assert named == mounted


def test_the_secrets_of_production_are_those_that_are_made_for_it(tmp_path: Path) -> None:
    files = {secret["file"].partition("}/")[2] for name, secret in COMPOSE["secrets"].items() if name[:4] != "try_"}
    make = [shutil.which("bash") or "bash", str(ROOT / "deploy" / "make-secrets"), str(tmp_path / "secrets")]
    twice = []
    for _ in range(2):
        subprocess.run(make, check=True, capture_output=True, timeout=30)  # noqa: S603
        twice.append({path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()})
    made = twice[0]
    assert made.keys() == files
    assert all((tmp_path / "secrets" / name).stat().st_mode & 0o777 == 0o400 for name in made)
    assert len({*made.values()}) == len(made)
    assert twice[1] == made, "what is there is kept"


def test_what_try_clients_makes_is_what_the_profile_takes() -> None:
    files = {name: secret["file"] for name, secret in COMPOSE["secrets"].items() if name.startswith("try_")}
    assert files == {
        "try_clients": "${TRY_DIR:-./var/try}/clients.yaml",
        "try_identity_key": "${TRY_DIR:-./var/try}/identity.key",
        "try_internal_key": "${TRY_DIR:-./var/try}/internal.key",
        "try_operator_token": "${TRY_DIR:-./var/try}/operator.token",
    }


def compose(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """docker-compose with these arguments, if it is installed."""
    if shutil.which("docker-compose") is None:
        pytest.skip("docker-compose is not installed: its own reading of the file is not tested")
    return subprocess.run(  # noqa: S603
        ["docker-compose", *arguments],  # noqa: S607  whichever is installed
        cwd=ROOT, env={**os.environ, **environ}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("profiles", [[], ["try", "monitoring"]], ids=["production", "all"])
def test_docker_compose_takes_the_file(profiles: list[str]) -> None:
    done = compose(*(part for name in profiles for part in ("--profile", name)), "config", "--services")
    assert done.returncode == 0, done.stderr
    assert {*done.stdout.split()} >= {*PRODUCTION, *(SERVICES if profiles else [])}


def asked(load: Callable[[Mapping[str, str]], Any], monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of all settings that a service asks its environment for."""
    found: set[str] = set()
    plain = Environment._get_value

    def noted(self: Environment, env_key: str, default: Any) -> Any:
        found.add(env_key)
        return plain(self, env_key, default)

    monkeypatch.setattr(Environment, "_get_value", noted)
    with pytest.raises(SettingsError):
        load({})
    return found


@pytest.mark.parametrize("name", LOADED)
def test_every_setting_can_be_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the file says what it is, as a path or an address."""
    known = asked(LOADED[name], monkeypatch) | {*re.findall(r'_env\.\w+\("([A-Z_]+)"', GUNICORN.read_text("utf-8"))}
    given = ALL[name]["environment"]
    missing = {one for one in known - FIXED if one not in given and f"{one}_FILE" not in given}
    # Of content, one worker is enough; screening is never a try-out here.
    assert missing == {"content": {"WEB_CONCURRENCY"}, "screening-1": {"DEPLOYMENT"}}.get(name, set())
    assert {one.removesuffix("_FILE") for one in given} - known <= {
        "AUDIT",
        "CLIENTS",
        "SITE_VALUES",
        "RULE_MODES",
        "TLS_CA",
    }
    passed = {one: value for one, value in given.items() if value.startswith("${")}
    for one, value in passed.items():
        assert value.startswith((f"${{{one}:-", "${SCREENING_CA_FILE:-", f"${{{one}-/run/secrets/")), value


@pytest.mark.parametrize("name", ["content", "gateway", "screening-1"])
def test_what_is_left_empty_is_the_default(name: str) -> None:
    """As the container gets it: gunicorn's own reading included."""
    empty = {one: re.sub(r"\$\{\w+:?-(.*)\}", r"\1", value) for one, value in ALL[name]["environment"].items()}
    numbers = {one: value for one, value in empty.items() if not value or value.isdigit()}
    program = (
        "import runpy, gunicorn.config\n"
        f"found = runpy.run_path({str(GUNICORN)!r})\n"
        "print(found['workers'], found['threads'], found['worker_connections'], found['_limits'])\n"
    )
    package = {"PACKAGE": name.partition("-")[0], "PATH": os.environ["PATH"]}
    said = [
        subprocess.run(  # noqa: S603
            [sys.executable, "-c", program], env=given, capture_output=True, text=True, timeout=60, check=True
        ).stdout
        for given in (package | numbers, package | ({"METRICS_PORT": "9100"}))
    ]
    assert said[0]
    assert said[0] == said[1]


def test_spans_need_no_more_than_a_way_to_the_collector() -> None:
    assert {*TRACED["services"]} == {"content", "gateway", *REPLICAS}
    assert TRACED["networks"] == {"traces": {}}
    for service in TRACED["services"].values():
        assert {*service} == {"build", "environment", "networks"}
        assert service["build"] == {"args": {"EXTRA": "otel"}}
        assert service["networks"] == {"traces": {}}
        assert all(one.startswith("OTEL_") for one in service["environment"])
    files = ["-f", "docker-compose.yml", "-f", "docker-compose.tracing.yml"]
    assert compose(*files, "config", OTEL_EXPORTER_OTLP_ENDPOINT="").returncode
    done = compose(*files, "config", OTEL_EXPORTER_OTLP_ENDPOINT="http://collector.example:4318")
    assert done.returncode == 0, done.stderr
    whole = yaml.safe_load(done.stdout)["services"]
    for name in TRACED["services"]:
        assert {*whole[name]["networks"]} == {*ALL[name]["networks"], "traces"}
        assert {*whole[name]["environment"]} == {*ALL[name]["environment"], *TRACED["services"][name]["environment"]}
        assert whole[name]["build"]["args"]["PACKAGE"] == name.partition("-")[0]


def test_no_file_is_mounted_alone() -> None:
    """Its inode would stay when it is replaced, as git and most editors do it."""
    for service in ALL.values():
        for source in (volume.partition(":")[0] for volume in service.get("volumes", ()) if volume[0] == "."):
            assert (ROOT / source).is_dir(), source
    command = ALL["edge"]["command"]
    assert command[command.index("-c") + 1] == "/etc/nginx/edge/nginx.conf"


def test_the_audit_trail_is_kept() -> None:
    folder = Path(ALL["gateway"]["environment"]["AUDIT_FILE"].removeprefix("${AUDIT_FILE:-").removesuffix("}")).parent
    assert f"audit:{folder}" in ALL["gateway"]["volumes"]
    # A new volume belongs to whom the folder in the image belongs to.
    image = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    assert re.search(rf"install -d -o 10001 -g 10001 -m 0700 [^\n]*{folder}\b", image)


def test_screening_has_as_much_memory_as_on_kubernetes() -> None:
    for name in ("gateway", "screening", "content"):
        found = next(
            one
            for one in yaml.safe_load_all((ROOT / "deploy" / "kubernetes" / "base" / f"{name}.yaml").read_text("utf-8"))
            if one["kind"] == "Deployment"
        )["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"]
        assert ALL[{"screening": "screening-1"}.get(name, name)]["mem_limit"] == found.replace("Mi", "m")


def test_secrets_come_as_files_never_as_values() -> None:
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())
    for service in ALL.values():
        for name, value in service.get("environment", {}).items():
            if name in NUMBERS:
                assert value == f"${{{name}:-}}"
            elif re.search("KEY|SECRET|TOKEN|PASSWORD|CLIENTS|STORE_URL", name):
                assert name.endswith("_FILE")
                assert value.startswith(("/run/secrets/", "/clients/", "${OPERATOR_TOKEN_FILE-/run/secrets/"))


def test_metrics_are_published_nowhere() -> None:
    for name in ("gateway", "content", *REPLICAS):
        assert ALL[name]["environment"]["METRICS_PORT"] == "9100"
    assert "9100" not in str([service.get("ports") for service in ALL.values()])
    assert "9100" not in NGINX


def test_the_edge_refuses_old_tls_and_keeps_bodies_off_disks() -> None:
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in NGINX
    assert "http2 on;" in NGINX
    paths = re.findall(r"_temp_path (\S+);", NGINX)
    assert len(paths) == 5
    assert all(path.startswith("/tmp/") for path in paths)  # noqa: S108 - in memory
    assert "proxy_max_temp_file_size 0;" in NGINX
    assert "proxy_request_buffering off;" in NGINX
    assert "proxy_next_upstream off;" in NGINX


def test_the_edge_tells_of_refusals_from_where_they_came_and_nothing_of_the_call() -> None:
    assert re.findall(r"log_format (.+);", NGINX) == ["refused '$remote_addr $status $sent_http_x_request_id'"]
    assert re.findall(r"access_log (.+);", NGINX) == ["/dev/stdout refused if=$to_be_told", "off"]
    told = re.search(r"map \$status \$to_be_told \{(.+?)\}", NGINX, re.DOTALL)
    assert told
    assert told[1].split() == ["default", "0;", "~^[45]", "1;"]


def test_the_edge_lets_the_gateway_say_what_is_too_large() -> None:
    (megabytes,) = re.findall(r"client_max_body_size (\d+)m;", NGINX)
    assert int(megabytes) * 2**20 > Settings(internal_keys=()).max_body


def test_no_address_alone_uses_up_the_attempts_to_sign_in() -> None:
    assert '"POST /sign-in" $binary_remote_addr;' in NGINX
    ((per_minute, burst),) = re.findall(
        r"limit_req_zone \$signs_in zone=signing_in:1m rate=(\d+)r/m;\s+limit_req zone=signing_in burst=(\d+) nodelay;",
        NGINX,
    )
    assert 2 * int(per_minute) <= ATTEMPTS.per_minute
    assert 2 * (int(burst) + 1) <= ATTEMPTS.burst


def test_what_the_edge_refuses_is_an_operation_outcome() -> None:
    used = {*re.findall(r"error_page [\d =]+(@\w+);", NGINX)}
    said = dict(re.findall(r"location (@\w+) \{[^}]*?return \d+ '(.+)';\s+\}", NGINX))
    assert used == said.keys()
    for body in said.values():
        outcome = json.loads(body)
        assert outcome["resourceType"] == "OperationOutcome"
        assert "$request_id" in outcome["issue"][0]["diagnostics"]
    assert NGINX.count("include /etc/nginx/edge/refusal.conf;") == len(said)
    assert "Strict-Transport-Security" in REFUSAL


def test_nothing_newer_than_docker_compose_1_29_is_used() -> None:
    assert COMPOSE["version"] == "3.8"
    assert "include" not in COMPOSE
    assert all("develop" not in service for service in ALL.values())
