"""The file with which a site sets thresholds: what may be in force, and every reason why it may not."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chassis.environment import SettingsError
from screening.domain.units import Limit
from screening.knowledge.site_values import SiteValuesError, load, read
from screening.settings import load as load_settings

TODAY = date(2026, 11, 22)
EXAMPLE = Path(__file__).parents[3] / "docs" / "site-values.example.toml"
HEAD = {"version": "2026-1", "approver": "Example Approver", "approved": date(2026, 11, 1)}
LIMIT = "vitamin-b12.total.indeterminate"
LOOK_BACK = "vitamin-b12.look-back"

SECRETS = dict.fromkeys(("IDENTITY_KEY", "INTERNAL_KEY"), "synthetic-secret-synthetic-secret-0")


def entry(threshold: str = LIMIT, value: Any = ("300 ng/L", "221 pmol/L"), **changes: Any) -> dict[str, Any]:
    given = list(value) if isinstance(value, tuple) else value
    return {"threshold": threshold, "value": given, "reason": "Example reason.", **changes}


def faults(*entries: Any, **head: Any) -> tuple[str, ...]:
    document = {**HEAD, "value": list(entries), **head}
    with pytest.raises(SiteValuesError) as caught:
        read({key: value for key, value in document.items() if value is not None}, TODAY)
    return caught.value.faults


def test_the_example_is_in_force() -> None:
    found = load(EXAMPLE, TODAY)
    assert set(found) == {LIMIT, "vitamin-e.look-back"}
    limit, days = found[LIMIT], found["vitamin-e.look-back"]
    assert limit.value == Limit({"ng/L": Decimal(300), "pmol/L": Decimal(221)})
    assert list(limit.value.printed) == list(limit.threshold.value.printed)  # type: ignore[union-attr]
    assert days.value == 900
    assert limit.cite.text.startswith("site value approved by Example Approver on 2026-11-01, version 2026-1, instead")
    assert "NICE NG239" in limit.cite.text
    assert "NICE" not in limit.approval.text


def test_numbers_are_of_the_kind_of_their_threshold() -> None:
    entries = [entry("vitamin-e.lipid-ratio-low", "1.8 umol/mmol"), entry(LOOK_BACK, "400 days"),
               entry("vitamin-b12.old-age", "70 years")]  # fmt: skip
    found = read({**HEAD, "value": entries}, TODAY)
    assert [found[one["threshold"]].value for one in entries] == [Decimal("1.8"), 400, 70]
    assert str(found["vitamin-e.lipid-ratio-low"]) == "1.8 umol/mmol"
    assert read({**HEAD, "value": [entry(LOOK_BACK, ["400 days"])]}, TODAY)[LOOK_BACK].value == 400


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (entry("vitamin-b12.totl.indeterminate"), f"is no threshold: is {LIMIT}"),
        (entry("sodium"), '"sodium" is no threshold'),
        (entry(5), "value 1 names no threshold"),  # type: ignore[arg-type]
        ("x", "value 1 is not a table"),
        (entry("vitamin-b12.pregnancy", "200 days"), "is not open to sites"),
        (entry("copper-wilson.inr-raised", "1.4 1"), "is not open to sites"),
        (entry(reason=""), f"{LIMIT}: reason is missing"),
        (entry(reason=" \n"), f"{LIMIT}: reason is missing"),
        (entry(reason="x" * 501), f"{LIMIT}: reason is missing, empty or too long"),
        (entry(unit="ng/L"), '"unit" is not a key'),
        (entry(value=None), "value is missing or lacks its unit"),
        (entry(value=300), "value is missing or lacks its unit"),
        (entry(value=[300, 221]), "value is missing or lacks its unit"),
        (entry(value=("300 ng/L",)), "the value in pmol/L is missing"),
        (entry(value="300 ng/L"), "the value in pmol/L is missing"),
        (entry(value=[]), "the value in ng/L is missing"),
        (entry(value=("300 ng/L", "300 ng/L", "221 pmol/L")), "ng/L is given more than once"),
        (entry(value=("300 ug/L", "221 pmol/L")), '"300 ug/L" is not a number with one of the units ng/L, pmol/L'),
        (entry(value=("300", "221 pmol/L")), '"300" is not a number'),
        (entry(value=("-300 ng/L", "221 pmol/L")), "is not a number"),
        (entry(value=("3e2 ng/L", "221 pmol/L")), "is not a number"),
        (entry(value=("nan ng/L", "221 pmol/L")), "is not a number"),
        (entry(value=("300,5 ng/L", "221 pmol/L")), "is not a number"),
        (entry(value=("300 ng/L", "300 pmol/L")), "are not the same amount"),
        (entry(value=("300 ng/L", "228 pmol/L")), "are not the same amount"),
        (entry(value=("221 ng/L", "300 pmol/L")), "are not the same amount"),
        (entry(value=("701 ng/L", "517 pmol/L")), "less than half or more than double the default, 350 ng/L"),
        (entry(value=("174 ng/L", "128.4 pmol/L")), "less than half or more than double"),
        (entry(value=("180 ng/L", "133 pmol/L")), f"vitamin-b12.total.deficient must stay below {LIMIT}"),
        (entry("vitamin-b12.mma-high", "0.80 umol/L"), "mma-high must stay below vitamin-b12.mma-high-at-any-egfr"),
        (entry(LOOK_BACK, "365"), '"365" is not a number with one of the units days'),
        (entry(LOOK_BACK, "1 years"), "is not a number with one of the units days"),
        (entry(LOOK_BACK, "365.5 days"), "is not a whole, positive number of days"),
        (entry(LOOK_BACK, "365.0 days"), "is not a whole, positive number of days"),
        (entry(LOOK_BACK, "0 days"), "is not a whole, positive number of days"),
        (entry(LOOK_BACK, "182 days"), "less than half"),
        (entry(LOOK_BACK, "731 days"), "more than double"),
        (entry("calcium-vitamin-d.adjusted.critical", ("1.80 mmol/L", "7.2 mg/dL")), "below the safety floor"),
        (entry("calcium-vitamin-d.ionized.critical", ("0.85 mmol/L", "3.4 mg/dL")), "below the safety floor"),
    ],
)  # fmt: skip
def test_each_fault_is_said(given: Any, words: str) -> None:
    found = faults(given)
    assert any(words in fault for fault in found), found
    assert all("\n" not in fault for fault in found)


@pytest.mark.parametrize("ratio", [Decimal("0.5"), 1, 2])
def test_half_and_double_are_still_in_force(ratio: Decimal) -> None:
    value = (f"{180 * ratio} ng/L", f"{133 * ratio} pmol/L")
    also = entry(value=("700 ng/L", "516 pmol/L"))
    found = read({**HEAD, "value": [entry("vitamin-b12.total.deficient", value), also]}, TODAY)
    assert str(found["vitamin-b12.total.deficient"].value).startswith(f"{float(180 * ratio):g} ng/L")


def test_the_safety_floor_may_be_raised() -> None:
    name = "calcium-vitamin-d.adjusted.critical"
    assert name in read({**HEAD, "value": [entry(name, ("2.00 mmol/L", "8.0 mg/dL"))]}, TODAY)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ({"version": None}, "version is missing"),
        ({"version": ""}, "version is missing"),
        ({"version": 1}, "version is missing"),
        ({"version": "1 <b>"}, "version is missing, or holds more than"),
        ({"approver": None}, "approver is missing"),
        ({"approver": " "}, "approver is missing"),
        ({"approver": ["x"]}, "approver is missing"),
        ({"approved": None}, "approved is missing"),
        ({"approved": "2026-11-01"}, "not a date"),
        ({"approved": date(2026, 12, 1)}, "approved lies in the future"),
        ({"value": []}, "there is no [[value]]"),
        ({"value": None}, "there is no [[value]]"),
        ({"value": "x"}, "there is no [[value]]"),
        ({"autor": "x"}, '"autor" is not a key of this file'),
    ],
)  # fmt: skip
def test_each_fault_of_the_head_is_said(head: dict[str, Any], words: str) -> None:
    (fault,) = faults(entry(), **head)
    assert words in fault


def test_one_threshold_is_set_once() -> None:
    assert f"{LIMIT}: is set more than once" in faults(entry(), entry())


def test_all_faults_are_said_at_once_and_stop_the_start(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('approver = ""\n[[value]]\nthreshold = "sodium"\n[[value]]\nthreshold = "vitamin-b12.look-back"\n')
    with pytest.raises(SettingsError) as caught:
        load_settings({"SITE_VALUES_FILE": str(file), "LOG_LEVEL": "LOUD"})
    words = str(caught.value)
    assert "\n" not in words
    for part in ("version is", "approver is", "approved is", '"sodium" is no', "reason is", "value is", "LOG_LEVEL",
                 "IDENTITY_KEY"):  # fmt: skip
        assert part in words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff", "not TOML in UTF-8"),
        (b"version = ", "not TOML"),
        (b"a" * 1_000_001, "too large: 1000001 bytes, at most 1000000"),
        (b"", r"no \[\[value"),
    ],
)
def test_what_is_no_file_of_values_is_said(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "site.toml"
    file.write_bytes(content)
    with pytest.raises(SiteValuesError, match=words):
        load(file, TODAY)
    with pytest.raises(SiteValuesError, match="cannot be read"):
        load(tmp_path, TODAY)


def test_without_a_file_the_defaults_hold() -> None:
    assert not load_settings(SECRETS).site_values


def test_of_very_many_faults_the_first_are_said_and_the_rest_counted(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    head = 'version = "1"\napprover = "synthetic"\napproved = 2026-11-01\n'
    file.write_text(head + "".join(f'[[value]]\nthreshold = "nothing-{number}"\n' for number in range(50)))
    with pytest.raises(SettingsError) as caught:
        load_settings({"SITE_VALUES_FILE": str(file), **SECRETS})
    said = str(caught.value).split("; ")
    assert said[0].startswith('settings at fault: SITE_VALUES_FILE: "nothing-0" is no threshold')
    assert len(said) == 21
    assert said[-1] == "and 30 more"
