"""CONTRIBUTING, "Add a workup", followed to the letter on a copy of the tree: selenium, which exists nowhere else.

`selenium/` holds the new files, laid out as in the tree; what is changed in files that exist stands below.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NEW = Path(__file__).parent / "selenium"
S = "services/screening/src/screening"
PACKAGES = ("services/chassis/src", "services/content/src", f"{S}/..", "gateway/src", "deploy/tryout/src")
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "node_modules", "build", "var")
MOST_SECONDS = 60
SERUM_SELENIUM = "Selenium [Mass/volume] in Serum or Plasma"
SELENIUM = {
    "L_SE": (
        "Selenium",
        {"system": "loinc", "code": "5724-0", "display": SERUM_SELENIUM, "checkDigit": "pass"},
    ),
    "SE_RISK": ("Selenium deficiency", {"system": "icd10cm", "code": "E59", "display": "Dietary selenium deficiency"}),
}  # fmt: skip

SCREEN = {"module": "SCREEN", "state": "INCOMPLETE", "indicator": "info"}
AT_RISK = {
    "hook": "patient-view", "age": 50, "sex": "female",
    "conditions": [{"code": "G24.9", "onsetAge": 48}, {"code": "E59"}],
}  # fmt: skip
CHARTS = (
    {"id": "se-screen", "desc": "Dystonia at 50 with selenium deficiency on record; nothing was measured.", **AT_RISK,
     "expect": {"cards": [{**SCREEN, "includes": ["B12", "CA", "CU", "SE"]}]}},
    {
        "id": "se-abnormal", "desc": "Selenium 31 ug/L.", **AT_RISK,
        "labs": [{"code": "5724-0", "v": 31, "u": "ug/L", "ago": 9}],
        "expect": {"cards": [
            {"module": "SE", "state": "ABNORMAL", "indicator": "warning"}, {**SCREEN, "includes": ["B12", "CA", "CU"]},
        ]},
    },
)  # fmt: skip

# file: (before which text, what is put there). Each text stands in its file once.
INSERTED: Mapping[str, tuple[tuple[str, str], ...]] = {
    f"{S}/domain/analytes.py": (
        (
            "ANALYTES: Final[",
            'SELENIUM: Final = Analyte(\n    "SE",\n    "selenium",\n    "L_SE",\n    Measure(\n'
            '        (units("umol/L"), units("ug/L", {"ng/mL": "1"}, to_canonical="0.012665")),\n'
            '        plausible=_guard("0.05", "20"),\n    ),\n)\n',
        ),
        ('\n)  # fmt: skip\n"""Every analyte that is read with its value."""', "\n    SELENIUM,"),
    ),
    f"{S}/domain/catalog.py": (
        (
            "TTPA: Final = _gene(",
            'SELENIUM: Final = _lab(\n    "5724-0",\n    "Selenium [Mass/volume] in Serum or Plasma",\n'
            '    "serum selenium",\n    "L_SE",\n    note="Metal-free tube.",\n'
            '    current=(("SE",), 365, "selenium.look-back"),\n)\n\n',
        ),
    ),
    f"{S}/domain/workups/registry.py": (
        ("    vitamin_b12,\n    vitamin_b12_described,\n    vitamin_e,", "    selenium,\n"),
        (")\nBY_MODULE", '    Workup("SE", "selenium", "selenium", selenium.assess, selenium.DESCRIBED),\n'),
    ),
    f"{S}/services.py": (
        ('    "iron-nbia": (', '    "selenium": (365, ("L_SE",)),\n'),
        (", manganese, iron), and a card for", ', selenium"\n        "'),
    ),
    "services/content/tests/anchors.yaml": (
        (
            "vitamin-b12.clinician: ",
            "selenium.clinician: [in-short, how-the-results-are-read, safety-statements, red-flags]\n"
            "selenium.patient: [do-not-treat-yourself, stay-safe, when-to-get-help-fast]\n",
        ),
    ),
    "pyproject.toml": (('    "screening.domain.workups.vitamin_b12",', '    "screening.domain.workups.selenium",\n'),),
    "contract-tests/schemas/response.json": (('"CU"]},\n    "decision"', '"SE", '),),
    f"{S}/synthetic/specimens.yaml": (
        ("  # --- Order rules ---", "".join(f"  - {json.dumps(chart)}\n" for chart in CHARTS)),
    ),
    "docs/intended-use.md": (("| `iron-nbia` | ferritin", "| `selenium` | the example of CONTRIBUTING |\n"),),
    "README.md": ((" and iron disorders", ", selenium"),),
    "CHANGELOG.md": (("### Service", "- Selenium, the example of CONTRIBUTING.\n\n"),),
}

CHECKS: Mapping[str, tuple[str, ...]] = {
    "the value sets are those of the reviewed codes": ("-m", "screening.knowledge.build", "--check"),
    "the thresholds page is not stale": ("-m", "screening.knowledge.thresholds_page", "--check"),
    "the bands that pages draw are not stale": ("-m", "screening.knowledge.bands_file", "--check"),
    "the style": ("-m", "ruff", "check", "--no-cache", f"{S}/domain", f"{S}/services.py"),
    "the format": ("-m", "ruff", "format", "--no-cache", "--check", f"{S}/domain", f"{S}/services.py"),
    "the import directions": ("-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"),
    "names, limits, thresholds, scenarios, pages": (
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k",
        "selenium or SE- or one_name or registries or bare or told",
        "services/screening/tests/domain/test_names.py", "services/screening/tests/domain/test_limits.py",
        "services/screening/tests/domain/test_thresholds.py", "services/screening/tests/routes",
        "services/screening/tests/publishing/test_resources.py", "deploy/tests/test_imports.py",
        "services/content/tests/test_texts.py", "services/content/tests/test_readability.py",
        "services/content/tests/test_statements.py", "services/content/tests/test_anchors.py",
    ),
    "codes, prefetch, lists in the documents": (
        "-m", "pytest", "-q", "-p", "no:cacheprovider",
        "services/screening/tests/test_knowledge_sets.py", "services/screening/tests/test_knowledge_notice.py",
        "services/screening/tests/fhir/test_templates.py", "deploy/tests/test_intended_use.py",
        "services/screening/tests/studio/test_specimens.py",
    ),
    "every card over HTTP": (
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "contract-tests/tests/test_cards.py",
        "contract-tests/tests/test_discovery.py",
    ),
}  # fmt: skip

ASK = """
import json, sys
from datetime import date
from pathlib import Path
import requests
sys.path.insert(0, "contract-tests")
from contract.stack import own_stack
from screening.synthetic import charts as wire
from screening.synthetic.specimens import specimens
from tryout.ehr import answer_prefetch

state = Path("state-of-the-test")
state.mkdir(mode=0o700)
charts = {specimen.id: specimen.scenario for specimen in specimens()}
with own_stack(state) as stack:
    services = requests.get(f"{stack.gateway}/cds-services", timeout=20).json()["services"]
    service = next(each for each in services if each["hook"] == "patient-view")
    told = {"prefetch": service["prefetch"]["labs_selenium"]}
    for name in ("se-screen", "se-abnormal"):
        call = wire.call(charts[name], service["prefetch"], date.today(), answer_prefetch)
        answer = requests.post(f"{stack.gateway}/cds-services/{service['id']}", json=call, timeout=20)
        told[name] = answer.json()["cards"]
    told["page"] = requests.get(f"{stack.gateway}/explanations/selenium", timeout=20).status_code
    told["plan"] = requests.get(f"{stack.gateway}/fhir/PlanDefinition/selenium", timeout=20).status_code
print(json.dumps(told))
"""


def run(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python with the packages of a tree, in that tree."""
    environ = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tree),
        "PYTHONPATH": ":".join(str((tree / package).resolve()) for package in PACKAGES),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(  # noqa: S603
        [sys.executable, *arguments], cwd=tree, env=environ, text=True, capture_output=True, check=False,
        timeout=MOST_SECONDS,
    )  # fmt: skip


def insert(path: Path, before: str, text: str) -> None:
    old = path.read_text("utf-8")
    assert old.count(before) == 1, f"{path.name}: {before!r} stands there {old.count(before)} times"
    path.write_text(old.replace(before, text + before), "utf-8")


def add_codes(path: Path) -> None:
    reviewed = json.loads(path.read_text("utf-8"))
    for name, (title, code) in SELENIUM.items():
        entry = {**code, "level": "V1", "sources": ["example of CONTRIBUTING"]}
        reviewed["sets"][name] = {"title": title, "rules": "CONTRIBUTING", "codes": [entry]}
    path.write_text(json.dumps(reviewed, indent=1, ensure_ascii=False) + "\n", "utf-8")


def count_one_more(path: Path, *systems: str) -> None:
    text = path.read_text("utf-8")
    for system in systems:
        text, done = re.subn(
            rf"({re.escape(system)}\n)(\d+)( codes)", lambda found: f"{found[1]}{int(found[2]) + 1}{found[3]}", text
        )
        assert done == 1, system
    path.write_text(text, "utf-8")


def files(tree: Path) -> dict[str, bytes]:
    return {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A copy of the tree, and what it held."""
    tree = tmp_path_factory.mktemp("recipe") / "tree"
    shutil.copytree(ROOT, tree, ignore=NOT_COPIED)
    shutil.rmtree(tree / "deploy" / "tests" / "selenium")
    return tree, files(tree)


@pytest.fixture(scope="module")
def tree(before: tuple[Path, dict[str, bytes]]) -> Path:
    """The copy, with the recipe followed."""
    copy = before[0]
    shutil.copytree(NEW, copy, dirs_exist_ok=True, ignore=NOT_COPIED)
    add_codes(copy / S / "knowledge" / "reviewed" / "codes.json")
    for file, changes in INSERTED.items():
        for place, text in changes:
            insert(copy / file, place, text)
    count_one_more(copy / "NOTICE", "LOINC - http://loinc.org", "ICD-10-CM - http://hl7.org/fhir/sid/icd-10-cm")
    for module in (f"screening.knowledge.{name}" for name in ("build", "thresholds_page", "bands_file")):
        done = run(copy, "-m", module)
        assert done.returncode == 0, done.stderr
    texts = str(copy.parent / "card-texts.json")
    for command in (("content.card_texts", texts), ("screening.studio_files", "snapshot", "--texts", texts)):
        done = run(copy, "-m", *command)
        assert done.returncode == 0, done.stderr
    return copy


@pytest.fixture(scope="module")
def changed(before: tuple[Path, dict[str, bytes]], tree: Path) -> set[str]:
    """The files that are new or other than they were, after the recipe and before anything else ran in the tree."""
    old = before[1]
    return {name for name, content in files(tree).items() if old.get(name) != content}


def test_the_recipe_names_every_file_that_changes_and_no_other(changed: set[str]) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    recipe = text.split("## Add a workup\n")[1].split("\n## ")[0].split("| | File | What to do |")[1]
    table, generated = recipe.split("Then let the generated files follow")
    named = {
        name.replace("S/", f"{S}/", 1) if name.startswith("S/") else name
        for row in table.splitlines() if row.startswith("| ")
        for name in re.findall(r"`([^`]+)`", row.split("|")[2])
    }  # fmt: skip
    written = {f"{S}/knowledge/valuesets/l-se.json", f"{S}/knowledge/valuesets/se-risk.json"}
    bands = "services/content/src/content/bands.json"
    written |= {f"{S}/knowledge/codesystems/topics.json", "docs/thresholds.md", bands}
    snapshots = {name for name in changed if name.startswith(f"{S}/pages/studio_snapshots/")}
    for name in ("S/knowledge/valuesets/", "S/knowledge/codesystems/topics.json", "docs/thresholds.md", bands):
        assert name in generated
    assert "S/pages/studio_snapshots/" in generated
    assert len(snapshots) == 1, "that of this version of the rules"
    assert named | written | snapshots == changed


@pytest.mark.wide
@pytest.mark.parametrize("check", CHECKS)
def test_the_checks_pass(changed: set[str], tree: Path, check: str) -> None:
    assert changed
    done = run(tree, *CHECKS[check])
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_the_services_show_the_new_cards(changed: set[str], tree: Path) -> None:
    assert changed
    done = run(tree, "-c", ASK)
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert "code=http://loinc.org|5724-0&date=ge{{today() - 365 days}}" in told["prefetch"]
    (screen,) = told["se-screen"]
    assert "SE" in screen["extension"]["example.dystonia-cds.decision"]["includes"]
    assert "Selenium: no result in 365 days; asked for: " in screen["detail"]
    assert "Selenium: serum selenium" in [suggestion["label"] for suggestion in screen["suggestions"]]
    result = told["se-abnormal"][0]
    assert result["summary"] == "Low selenium with a movement disorder: repeat the level and refer."
    assert result["source"]["topic"]["code"] == "SeAbnormal"
    (fact, *_) = result["extension"]["example.dystonia-cds.decision"]["evidence"]
    assert (fact["code"], fact["value"], fact["unit"]) == ("5724-0", 31, "ug/L")
    assert "low: below 50 ug/L / 0.63 umol/L" in fact["criterion"]
    assert "/explanations/selenium" in json.dumps(result["links"])
    assert (told["page"], told["plan"]) == (200, 200)


def test_selenium_is_nowhere_else() -> None:
    product = [*ROOT.glob("services/*/src"), ROOT / "gateway" / "src", ROOT / "deploy" / "tryout" / "src"]
    for folder in product:
        for path in folder.rglob("*.py"):
            assert "selenium" not in path.read_text("utf-8").lower(), path
