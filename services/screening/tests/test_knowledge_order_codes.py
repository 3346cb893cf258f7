"""A site's order codes: one map for each client, every mistake said at once."""

import io
import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from fhirclient.models.conceptmap import ConceptMap

from chassis import logs
from chassis.environment import SettingsError
from chassis.testing import KEYS
from screening.app import create_app
from screening.domain.catalog import GENE_ID_SYSTEM
from screening.domain.codes import LOINC, SNOMED
from screening.knowledge import concept_maps, order_codes
from screening.knowledge.order_codes import OrderCodes, SiteOrder
from screening.settings import Settings, load

DOCUMENT = Path(__file__).parents[3] / "docs" / "order-codes.md"
CATALOG = "https://hospital.example/orders"
KEY = b"only-for-tests-only-for-tests-00"
MANGANESE = (LOINC, "5681-2")


def target(code: Any, equivalence: str = "equivalent", **more: Any) -> dict[str, Any]:
    return {"code": code, "equivalence": equivalence, **more}


def element(code: Any, *targets: dict[str, Any]) -> dict[str, Any]:
    return {"code": code, "target": list(targets)}


def group(*elements: dict[str, Any], source: Any = LOINC, to: Any = CATALOG) -> dict[str, Any]:
    return {"source": source, "target": to, "element": list(elements)}


def written(folder: Path, *groups: dict[str, Any], name: str = "example-ehr.json", **more: Any) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    told = {"resourceType": "ConceptMap", "status": "active", "group": list(groups), **more}
    file.write_text(json.dumps(told), encoding="utf-8")
    return file


def faults(*files: Path) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        order_codes.read(files)
    head, _, told = str(caught.value).partition("ORDER_CODE_MAPS: ")
    assert head == "settings at fault: "
    return told.split("; ")


GOOD = element("5681-2", target("MNB", display="Manganese, blood"))


def test_each_client_has_its_own_map_and_the_default_is_for_the_rest(tmp_path: Path) -> None:
    own = written(tmp_path, group(GOOD))
    default = written(tmp_path, group(element("13964-2", target("MMA"))), name="default.json")
    codes = order_codes.read([own, default])
    assert codes.of("example-ehr") == {MANGANESE: SiteOrder(CATALOG, "MNB", "Manganese, blood")}
    assert codes.of("another") == {(LOINC, "13964-2"): SiteOrder(CATALOG, "MMA")}
    assert order_codes.read([own]).of("another") == {}
    assert order_codes.read([]) == OrderCodes()


def test_only_what_is_equivalent_counts(tmp_path: Path) -> None:
    left = [
        element("2132-9", target("B12", "wider")),
        element("13964-2", target("MMA", "narrower")),
        element("13965-9", target("HCY", dependsOn=[{"property": "x", "value": "y"}])),
        element("2276-4"),
    ]
    codes = order_codes.read([written(tmp_path, group(GOOD, element("1988-5", target("CRP", "equal")), *left))])
    assert [order.code for order in codes.of("example-ehr").values()] == ["MNB", "CRP"]
    assert [(one.file, one.code) for one in codes.left_out] == [
        ("example-ehr.json", code) for code in ("2132-9", "13964-2", "13965-9", "2276-4")
    ]


def test_gene_tests_stand_under_their_gene(tmp_path: Path) -> None:
    genes = [element(code, target("SENDOUT")) for code in ("HGNC:870", "HGNC:12404")]
    codes = order_codes.read([written(tmp_path, group(*genes, source=GENE_ID_SYSTEM))])
    assert set(codes.of("example-ehr")) == {(GENE_ID_SYSTEM, "HGNC:870"), (GENE_ID_SYSTEM, "HGNC:12404")}
    assert {order.code for order in codes.of("example-ehr").values()} == {"SENDOUT"}
    shared = written(tmp_path, group(GOOD), group(element("405825005", target("X")), source=SNOMED))
    assert faults(shared) == [
        "example-ehr.json, group 2, element 405825005: no order that is ever suggested has this code"
    ]


@pytest.mark.parametrize(
    ("groups", "fault"),
    [
        (
            [group(GOOD, element("5681-3", target("X")))],
            "element 5681-3: no order that is ever suggested has this code",
        ),
        ([group(GOOD), group(GOOD, source=SNOMED)], "group 2, element 5681-2: no order that is ever suggested"),
        ([group(GOOD, element("5681-2", target("OTHER")))], "mapped to two orders, MNB and OTHER"),
        ([group(element("5681-2", target("A"), target("B")))], "mapped to two orders, A and B"),
        ([group(GOOD), group(element("5681-2", target("MNB")), to="urn:x:y")], "mapped to two orders, MNB and MNB"),
        ([group(element("5681-2", target("")))], "a target without a code"),
        ([group(element("5681-2", target("A" * 301)))], "a target of 301 characters, at most 300"),
        ([group(element("5681-2", {"code": "A"}))], "a target without a known equivalence"),
        ([group(GOOD, element(5))], "group 1: an element without a code"),
        ([group(GOOD, to="orders")], "group 1: target is not an absolute URI of a code system"),
        ([group(GOOD, source=None)], "group 1: source is not an absolute URI of a code system"),
        ([], "example-ehr.json maps no order that is ever suggested"),
        ([group(element("5681-2", target("A", "wider")))], "example-ehr.json maps no order that is ever suggested"),
    ],
)
def test_what_is_refused(tmp_path: Path, groups: list[dict[str, Any]], fault: str) -> None:
    assert fault in "; ".join(faults(written(tmp_path, *groups)))


def test_all_faults_of_all_files_at_once(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("{", encoding="utf-8")
    none = written(tmp_path, group(GOOD), name="none.json", resourceType="ValueSet")
    large = written(tmp_path, group(GOOD), name="large.json")
    large.write_bytes(large.read_bytes() + b" " * concept_maps.LARGEST_FILE)
    retired = written(tmp_path, group(GOOD), name="retired.json", status="retired")
    twice = [written(tmp_path / folder, group(GOOD)) for folder in ("one", "two")]
    told = faults(bad, none, large, retired, *twice)
    assert [fault.partition(" ")[0] for fault in told] == [
        "bad.json", "none.json", "large.json", "retired.json", "example-ehr.json",
    ]  # fmt: skip
    assert told[-1] == "example-ehr.json is given twice: one file for each client"


def test_everything_that_can_be_suggested_can_be_mapped() -> None:
    orders = order_codes.orders()
    assert len(orders) == 39
    assert {system for system, _ in orders} == {LOINC, SNOMED, GENE_ID_SYSTEM}
    assert orders[LOINC, "30657-1"] == "MRI brain without contrast", "of two names the plain one"


# --- settings, log, document ---


def environment(**more: str) -> dict[str, str]:
    return {"IDENTITY_KEY": "k" * 32, "INTERNAL_KEY": "i" * 32, **more}


def test_the_setting_names_a_directory_or_files(tmp_path: Path) -> None:
    one, two = written(tmp_path, group(GOOD)), written(tmp_path, group(GOOD), name="default.json")
    assert load(environment(ORDER_CODE_MAPS=str(tmp_path))).order_code_maps == (two, one)
    assert load(environment(ORDER_CODE_MAPS=f"{one},{two}")).order_code_maps == (one, two)
    assert load(environment()).order_code_maps == ()
    with pytest.raises(SettingsError, match=r"ORDER_CODE_MAPS: no such file: none\.json"):
        load(environment(ORDER_CODE_MAPS=str(tmp_path / "none.json")))


@pytest.mark.parametrize(
    "links",
    ["https://cds.example/explanations/vitamin-b12,https://other.example/", "http://127.0.0.1:8080/explanations/"],
)
def test_allowed_links(links: str) -> None:
    assert load(environment(ALLOWED_LINKS=links)).allowed_links == tuple(links.split(","))


@pytest.mark.parametrize(
    "links", ["http://cds.example/", "cds.example", "javascript:alert(1)", "https://cds.example/?x=1", "https://a b/"]
)
def test_links_that_are_no_addresses_are_refused(links: str) -> None:
    with pytest.raises(SettingsError, match="ALLOWED_LINKS: each must be an https address"):
        load(environment(ALLOWED_LINKS=links))


def test_the_log_says_what_is_not_mapped(tmp_path: Path) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("screening", stream=stream)
    try:
        file = written(tmp_path, group(GOOD, element("2276-4")))
        create_app(Settings(identity_key=KEY, internal_keys=KEYS, order_code_maps=(file,)))
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    lines = {line["event"]: line for line in map(json.loads, stream.getvalue().splitlines())}
    assert lines["order code left out"]["reason"] == "no target"
    assert lines["order codes in use"]["count"] == 1
    missing = lines["orders without a code of the site"]
    assert (missing["client"], missing["count"]) == ("example-ehr", 38)
    assert "183521007" in missing["code"]
    assert "5681-2" not in missing["code"]


def test_the_example_in_the_document_is_a_map_and_the_list_is_whole(tmp_path: Path) -> None:
    text = DOCUMENT.read_text("utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    ConceptMap(json.loads(example), strict=True)
    file = tmp_path / "example-ehr.json"
    file.write_text(example, encoding="utf-8")
    codes = order_codes.read([file])
    assert len(codes.of("example-ehr")) == 4
    assert codes.left_out == ()
    rows = re.findall(r"^\| `(\S+)` \| `(\S+)` \| (.+) \|$", text, re.MULTILINE)
    assert {(system, code): name for system, code, name in rows} == order_codes.orders()
