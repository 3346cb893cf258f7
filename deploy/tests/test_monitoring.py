"""Alert rules and dashboard speak of metrics and labels that there are, and each alert has a section of the runbook."""

import ast
import importlib
import json
import re
from http import HTTPStatus
from pathlib import Path
from types import ModuleType
from typing import Any

import promql_parser
import pytest
import yaml

import chassis.metrics
import gateway.app
import gateway.audit
import gateway.discovery
import gateway.keys
import gateway.metrics
import gateway.views
import screening.feedback
import screening.feedback_views
import screening.metrics
import screening.store.rows
from screening.fhir import outcomes

ROOT = Path(__file__).parents[2]
HERE = ROOT / "deploy" / "monitoring"
known_metrics = importlib.import_module("known_metrics")

KNOWN = {name: one for one in known_metrics.known() for name in one.series}
GROUPS = yaml.safe_load((HERE / "rules.yml").read_text("utf-8"))["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
RECORDED = {rule["record"]: rule["expr"] for rule in RULES if "record" in rule}
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


def literals(*modules: ModuleType) -> set[str]:
    """The words that stand in modules as they are."""
    trees = [ast.parse(Path(str(module.__file__)).read_text("utf-8")) for module in modules]
    return {str(one.value) for tree in trees for one in ast.walk(tree) if isinstance(one, ast.Constant)}


# What a label can be, from where it is told. What is not here has no words of ours, such as versions and servers.
STATUS = {str(one.value) for one in HTTPStatus}
TOPICS = ROOT / "services" / "screening" / "src" / "screening" / "knowledge" / "codesystems" / "topics.json"
VALUES: dict[tuple[str, str], set[str]] = {
    ("cds_calls_total", "kind"): {*gateway.audit._KINDS.values()},
    ("cds_calls_total", "outcome"): literals(gateway.app),
    ("cds_calls_total", "client"): literals(gateway.metrics, gateway.views),
    ("cds_calls_total", "status"): STATUS,
    ("cds_cards_total", "topic"): {one["code"] for one in json.loads(TOPICS.read_text("utf-8"))["concept"]},
    ("cds_discovery_readings_total", "outcome"): literals(gateway.discovery),
    ("cds_ehr_fetches_total", "outcome"): {outcomes.DELIVERED, outcomes.NONE, *outcomes.EHR_WORDS},
    ("cds_feedback_total", "outcome"): literals(screening.feedback),
    ("cds_feedback_total", "status"): literals(screening.store.rows, screening.feedback_views),
    ("cds_http_refused_early_total", "status"): STATUS,
    ("cds_http_request_seconds", "le"): {f"{float(one)!r}" for one in chassis.metrics.SECONDS} | {"+Inf"},
    ("cds_http_request_seconds", "route"): {*gateway.audit._KINDS},
    ("cds_http_requests_total", "route"): {*gateway.audit._KINDS},
    ("cds_http_requests_total", "status"): STATUS,
    ("cds_key_readings_total", "outcome"): literals(gateway.keys),
    ("cds_screened_total", "prefetch"): literals(screening.metrics),
    ("cds_screened_total", "result"): literals(screening.metrics),
}
JOBS = {"gateway", "screening", "content"}
Labels = frozenset[str]
NONE: Labels = frozenset()


def unknown_values(name: str, label: str, said: str) -> list[str]:
    """What a matcher asks for and nobody ever tells."""
    words = [] if said in {"", ".*"} else said.split("|")
    known = JOBS if label == "job" else VALUES.get((name, label))
    if known is None:
        return [f"{name}: nobody knows what {label} can be"] if words else []
    return [f'{name}: {label}="{word}"' for word in words if word not in known]


def is_number(node: Any) -> bool:
    """Whether a part is a number, and has no labels to meet by."""
    if isinstance(node, promql_parser.BinaryExpr):
        return is_number(node.lhs) and is_number(node.rhs)
    if isinstance(node, promql_parser.ParenExpr):
        return is_number(node.expr)
    if isinstance(node, promql_parser.Call):
        return bool(node.func.return_type == promql_parser.ValueType.Scalar)
    return isinstance(node, promql_parser.NumberLiteral)


class Reading:
    """Which labels each part of an expression has; what does not fit is a fault."""

    def __init__(self, expr: str) -> None:
        self.faults: list[str] = []
        self.labels = self.of(promql_parser.parse(expr))

    def of(self, node: Any) -> Labels:
        """The labels of what a part gives; none for a number."""
        match node:
            case promql_parser.VectorSelector():
                return self._selected(node)
            case promql_parser.MatrixSelector():
                return self._selected(node.vector_selector)
            case promql_parser.AggregateExpr():
                return self._aggregated(node)
            case promql_parser.BinaryExpr():
                return self._joined(node)
            case promql_parser.Call():
                return self._called(node)
            case promql_parser.NumberLiteral() | promql_parser.StringLiteral():
                return NONE
        return self.of(node.expr)

    def _selected(self, node: Any) -> Labels:
        matchers = node.matchers.matchers
        if node.name in RECORDED:
            own = Reading(RECORDED[node.name]).labels
        elif node.name == "up":
            own = frozenset({"job", "instance"})
        elif node.name in KNOWN:
            own = frozenset({*KNOWN[node.name].labels, "job", "instance"})
            own |= {"le"} if node.name.endswith("_bucket") else NONE
        else:
            self.faults.append(node.name)
            return frozenset({"job", "instance"})
        name = KNOWN[node.name].name if node.name in KNOWN else node.name
        for one in matchers:
            if one.name in own:
                self.faults += unknown_values(name, one.name, one.value)
            else:
                self.faults.append(f"{node.name}: {one.name}")
        return own

    def _aggregated(self, node: Any) -> Labels:
        inner = self.of(node.expr)
        named = frozenset(node.modifier.labels) if node.modifier is not None else NONE
        self.faults += [f"by {label}" for label in named - inner]
        return inner if str(node.op) in {"topk", "bottomk"} else named

    def _joined(self, node: Any) -> Labels:
        left, right = self.of(node.lhs), self.of(node.rhs)
        if is_number(node.lhs) or is_number(node.rhs):
            return left | right
        if str(node.op) == "or":
            return left & right
        matching = node.modifier.matching if node.modifier is not None else None
        if matching is not None:
            self.faults += [f"on {label}" for label in frozenset(matching.labels) - (left & right)]
        elif left != right:
            self.faults.append(f"{sorted(left)} never meets {sorted(right)}")
        return left

    def _called(self, node: Any) -> Labels:
        inner = [self.of(one) for one in node.args]
        if node.func.name == "absent":
            return frozenset(one.name for one in node.args[0].matchers.matchers)
        if node.func.name == "histogram_quantile":
            if "le" not in inner[1]:
                self.faults.append("by le")
            return inner[1] - {"le"}
        return next((one for one in inner if one), NONE)


def faults(expr: str) -> list[str]:
    """The metrics, labels and values of an expression that do not exist, and parts of it that never meet."""
    return Reading(expr).faults


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_every_metric_and_label_exists(expr: str) -> None:
    assert faults(expr) == []


@pytest.mark.parametrize(
    "expr",
    [
        "cds_nothing_total",
        'cds_cards_total{patient="1"}',
        "sum by (patient) (cds_cards_total)",
        "cds_store_seconds",
        "sum by (topic) (cds_screened_total) / on () sum(cds_cards_total)",
        "sum by (client) (cds_screened_total) / on (client) sum by (topic) (cds_cards_total)",
        "sum by (client) (cds_screened_total) and sum(cds_cards_total)",
        "sum by (client) (cds:calls_failed:ratio_rate5m)",
        "histogram_quantile(0.9, sum by (client) (rate(cds_ehr_fetch_seconds_bucket[5m])))",
        'cds_cards_total{topic="DataNotAssesed"}',
        'cds_ehr_fetches_total{outcome!~"delivered|non|not-found"}',
        'cds_build_info{version="1"}',
        'up{job="screenings"}',
    ],
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
def test_what_an_alert_says_of_a_label_is_there(name: str) -> None:
    said = {*re.findall(r"\$labels\.(\w+)", str(ALERTS[name]["annotations"]))}
    assert said <= Reading(ALERTS[name]["expr"]).labels


def test_the_tests_of_alerts_are_about_metrics_labels_and_values_that_there_are() -> None:
    series = {*re.findall(r"series: '(.+?)', values", TESTED)}
    assert len(series) > 20
    free = re.compile(r'nobody knows|: client="north"$')
    assert [fault for one in series for fault in faults(one) if not free.search(fault)] == []


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
