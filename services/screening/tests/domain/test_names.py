"""One name for one thing: workup id, module file, scenario file, explanation, laboratory key."""

import ast
import json
from pathlib import Path

import pytest
import yaml
from scenario_files import HERE, written

from screening import services
from screening.domain import analytes, orders, workups
from screening.domain.catalog import Orderable
from screening.domain.orders.registry import ORDER_RULES
from screening.domain.workups.registry import BY_MODULE, WORKUPS, Workup
from screening.knowledge.loading import code_book

DOMAIN = Path(workups.__file__).parents[1]
EXPLANATIONS = Path(__file__).parents[3] / "content" / "src" / "content" / "explanations"
CONTRACT = json.loads((Path(__file__).parents[4] / "contract-tests" / "schemas" / "response.json").read_text("utf-8"))
EACH = pytest.mark.parametrize("workup", WORKUPS, ids=[workup.id for workup in WORKUPS])


@EACH
def test_a_workup_has_one_name_everywhere(workup: Workup) -> None:
    assert (DOMAIN / "workups" / f"{workup.id.replace('-', '_')}.py").is_file()
    assert (HERE / f"{workup.id}.yaml").is_file()
    for audience in ("clinician", "patient"):
        assert (EXPLANATIONS / f"{workup.id}.{audience}.md").is_file()
    assert workup.id in services.LAB_SETS
    assert services.prefetch_names()[services.lab_key(workup.id)] == workup.id


@EACH
def test_a_workup_comes_from_the_module_of_its_name(workup: Workup) -> None:
    assert workup.assess.__module__ == f"{workups.__name__}.{workup.id.replace('-', '_')}"


@EACH
def test_the_scenarios_of_a_workup_are_about_it(workup: Workup) -> None:
    cases = [case.scenario for case in written() if str(case).startswith(f"{workup.module}-")]
    shown = {card["module"] for scenario in cases for card in scenario["expect"]["cards"]}
    assert workup.module in shown
    assert "SCREEN" in shown
    assert "about" in yaml.safe_load((HERE / f"{workup.id}.yaml").read_text("utf-8"))


def test_registries_and_laboratory_keys_agree() -> None:
    assert set(services.LAB_SETS) == {workup.id for workup in WORKUPS}
    assert set(BY_MODULE) == {workup.module for workup in WORKUPS} == set(CONTRACT["$defs"]["workup"]["enum"])
    assert len(BY_MODULE) == len(WORKUPS)


def test_order_rules_have_names_of_their_own() -> None:
    names = [rule.name for rule in ORDER_RULES]
    assert len(set(names)) == len(names)
    told = {card["module"] for case in written() for card in case.scenario["expect"]["cards"]}
    assert set(names) <= told, "every order rule has a scenario in which it speaks"


def test_order_rules_name_their_cards_by_themselves() -> None:
    """A rule's findings carry its own name as module: `Finding("ORD_X", ...)` stands in the file of ORD_X."""
    for path in Path(orders.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
        first = {name: {c.args[0].value for c in calls if c.func.id == name and isinstance(c.args[0], ast.Constant)}  # type: ignore[attr-defined]
                 for name in ("Finding", "OrderRule")}  # fmt: skip
        assert first["Finding"] == first["OrderRule"]


def test_every_analyte_is_asked_for() -> None:
    asked = {name for _, sets in services.LAB_SETS.values() for name in sets}
    assert {analyte.value_set for analyte in analytes.ANALYTES} <= asked
    assert len({analyte.key for analyte in analytes.ANALYTES}) == len(analytes.ANALYTES)
    assert asked <= set(code_book().members)


def test_every_current_look_back_names_an_analyte() -> None:
    from screening.domain import catalog  # noqa: PLC0415

    keys = {analyte.key for analyte in analytes.ANALYTES}
    for test in (value for value in vars(catalog).values() if isinstance(value, Orderable)):
        assert set(test.current[0] if test.current else ()) <= keys, test.label
