"""Alert rules and dashboard speak of metrics and labels that there are, and each alert has a section of the runbook."""

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

ROOT = Path(__file__).parents[2]
HERE = ROOT / "deploy" / "monitoring"
known_metrics = importlib.import_module("known_metrics")

KNOWN = {name: one for one in known_metrics.known() for name in one.series}
OF_PROMETHEUS = {"job", "instance", "le"}
GROUPS = yaml.safe_load((HERE / "rules.yml").read_text("utf-8"))["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
BOARD = json.loads((HERE / "grafana" / "dystonia-cds.json").read_text("utf-8"))
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
TESTED = "".join(path.read_text("utf-8") for path in sorted(HERE.glob("rules*_test.yml")))
QUESTIONS = re.findall(r"\| `(.+)` \|$", (HERE / "metrics_page.md").read_text("utf-8"), re.MULTILINE)


def shown(expr: str) -> str:
    """A dashboard's expression with its variables filled in as Grafana would."""
    return expr.replace("$__rate_interval", "1m").replace("$client", ".*")


EXPRESSIONS = [
    *(rule["expr"] for rule in RULES),
    *(shown(target["expr"]) for panel in PANELS for target in panel["targets"]),
    *(question.replace("\\|", "|") for question in QUESTIONS),
]


def parts(node: Any) -> Iterator[Any]:
    """An expression and everything in it."""
    yield node
    for name in ("lhs", "rhs", "expr", "args", "vector_selector"):
        inner = getattr(node, name, None)
        for one in inner if isinstance(inner, list) else [inner]:
            if one is not None:
                yield from parts(one)


def faults(expr: str) -> list[str]:
    """The metrics and labels of an expression that do not exist."""
    found: list[str] = []
    everything = list(parts(promql_parser.parse(expr)))
    selectors = [one for one in everything if isinstance(one, promql_parser.VectorSelector)]
    labels = set(OF_PROMETHEUS)
    for one in selectors:
        if one.name in {*RECORDED, "up"}:
            continue
        if one.name not in KNOWN:
            found.append(one.name)
            continue
        own = {*KNOWN[one.name].labels, *OF_PROMETHEUS}
        labels |= own
        found += [f"{one.name}: {matcher.name}" for matcher in one.matchers.matchers if matcher.name not in own]
    for one in everything:
        if isinstance(one, promql_parser.AggregateExpr) and one.modifier is not None:
            found += [f"by {label}" for label in one.modifier.labels if label not in labels]
    return found


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_every_metric_and_label_exists(expr: str) -> None:
    assert faults(expr) == []


@pytest.mark.parametrize(
    "expr",
    ["cds_nothing_total", 'cds_cards_total{patient="1"}', "sum by (patient) (cds_cards_total)", "cds_store_seconds"],
)
def test_what_does_not_exist_is_noticed(expr: str) -> None:
    assert len(faults(expr)) == 1


def test_there_are_questions_and_panels_enough_to_check() -> None:
    assert len(ALERTS) > 20
    assert len(PANELS) > 20
    assert len(QUESTIONS) > 5


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_it_means_and_what_to_do(name: str) -> None:
    alert = ALERTS[name]
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert {"summary", "description", "runbook"} == {*alert["annotations"]}
    path, _, anchor = alert["annotations"]["runbook"].partition("#")
    section = re.search(rf"^## {name}\n\n(.+?)(?=^## |\Z)", (ROOT / path).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert anchor == name.lower()
    assert section
    assert all(f"**{part}.**" in section[1] for part in ("Means", "Look", "Do")), section[1]


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_tried_where_it_fires_and_where_it_does_not(name: str) -> None:
    assert f"- name: {name} fires\n" in TESTED
    assert f"- name: {name} does not fire\n" in TESTED


def test_every_metric_name_follows_the_conventions() -> None:
    for one in known_metrics.known():
        assert re.fullmatch(r"cds_[a-z_]+", one.name)
        assert one.name.endswith("_total") == (one.kind == "counter")
        assert one.name.endswith("_seconds") or one.kind != "histogram"
        assert one.text.rstrip().endswith((".", "`."))


def test_names_are_told_by_one_service_only() -> None:
    names = [one.name for one in known_metrics.known()]
    assert len(names) == len({*names})


def test_the_page_of_metrics_is_not_stale() -> None:
    assert (ROOT / known_metrics.PAGE).read_text("utf-8") == known_metrics.rendered(), "make fix writes it"


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    ids = [panel["id"] for panel in BOARD["panels"]]
    places = [(p["gridPos"]["x"] + dx, p["gridPos"]["y"]) for p in BOARD["panels"] for dx in range(p["gridPos"]["w"])]
    assert len(ids) == len({*ids})
    assert len(places) == len({*places})
    assert all(x < 24 for x, _ in places)


def test_the_jobs_are_those_of_the_configuration() -> None:
    config = yaml.safe_load((HERE / "prometheus.yml").read_text("utf-8"))
    jobs = {job["job_name"] for job in config["scrape_configs"]}
    assert jobs == {"gateway", "screening", "content"}
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    there = {
        (one["image"].partition(":")[0].removeprefix("dystonia-cds/"), f"{name}:{one['environment']['METRICS_PORT']}")
        for name, one in compose.items()
        if "METRICS_PORT" in one.get("environment", {})
    }
    asked = {
        (job["job_name"], target)
        for job in config["scrape_configs"]
        for one in job["static_configs"]
        for target in one["targets"]
    }
    assert asked == there, "a container that has stopped is missed only if it is named"
    for _, target in asked:
        assert {*compose["prometheus"]["networks"]} & {*compose[target.partition(":")[0]]["networks"]}
    assert {*re.findall(r'job="(\w+)"', json.dumps(BOARD).replace("\\", "") + str(RULES))} <= jobs
