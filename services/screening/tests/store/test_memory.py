"""The memory of a patient: what is asked of the store and when, what is written down, and what a failure costs."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import edge_samples as s
import pytest
from sqlalchemy import select, update
from store_samples import DAY, MARKS, NOW

from screening.callers import Caller
from screening.domain.answers import Terms
from screening.domain.findings import Finding
from screening.domain.screen import patient_view
from screening.memory import Memory, PatientMemory
from screening.messages import HookCall, read
from screening.services import BY_ID
from screening.store import FeedbackRow, Marks, Store, StoreDown, StoreSettings
from screening.store.lanes import BACKGROUND, PAGES
from screening.store.tables import CARD, FEEDBACK

SERVICE = BY_ID["dystonia-patient-view"]
VALUES = s.prefetch(s.observation("2132-9", 90))
CHART, _ = s.read(VALUES)
CALLER = Caller("example-ehr")


def hook_call(**changes: Any) -> HookCall:
    return read(json.dumps({**s.call(VALUES), **changes}).encode(), "patient-view")


def findings() -> tuple[Finding, ...]:
    found = patient_view(CHART, "Practitioner/1").findings
    assert "B12" in {finding.module for finding in found}
    return found


def low_b12() -> Finding:
    return next(finding for finding in findings() if finding.module == "B12")


def card_of(uuid: str) -> dict[str, Any]:
    return {"uuid": uuid, "suggestions": [{"uuid": "6f1b6c1e-0000-5000-8000-0000000000aa"}, {"label": "no id"}]}


@pytest.fixture
def of(on_file: Any) -> Callable[..., PatientMemory]:
    """The memory of a patient, each time as another process finds it."""

    def made(caller: Caller = CALLER, call: HookCall | None = None, days: int = 0) -> PatientMemory:
        return Memory(on_file(), MARKS, Terms()).of(caller, call or hook_call(), NOW + days * DAY)

    return made


def answered(store: Store, uuid: str, reason: str = "", days: int = 0) -> None:
    item = FeedbackRow(uuid, "overridden", SERVICE.id, NOW + timedelta(minutes=1), NOW + days * DAY, reason)
    assert [kept.status for kept in store.keep([item], CALLER.client, "")] == ["kept"]


UUID = "6f1b6c1e-0000-5000-8000-000000000001"


def test_an_answered_card_is_held_and_no_other(of: Any, on_file: Any) -> None:
    of().remember(SERVICE, [(low_b12(), card_of(UUID))], [], CHART, "1")
    assert of().hold(low_b12(), CHART) is None
    answered(on_file(), UUID, "on-treatment")
    memory = of()
    hold = memory.hold(low_b12(), CHART)
    assert hold is not None
    assert (hold.by, memory.state) == ("answer", "")
    others = [finding for finding in findings() if finding.module != "B12"]
    assert others
    assert [memory.hold(finding, CHART) for finding in others] == [None] * len(others)


@pytest.mark.parametrize(
    ("caller", "changes"),
    [
        (Caller("another"), {}), (Caller("example-ehr", tenant="another"), {}),
        (CALLER, {"fhirServer": "https://other.example/fhir"}),
        (CALLER, {"context": {"patientId": "synthetic-2", "userId": "Practitioner/1"}}),
    ],
)  # fmt: skip
def test_what_was_answered_elsewhere_or_for_another_patient_holds_nothing(
    of: Any, on_file: Any, caller: Caller, changes: dict[str, Any]
) -> None:
    of().remember(SERVICE, [(low_b12(), card_of(UUID))], [], CHART, "1")
    answered(on_file(), UUID)
    assert of(caller, hook_call(**changes)).hold(low_b12(), CHART) is None


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("https://ehr.example/fhir/", True), ("HTTPS://EHR.example/fhir", True),
        ("https://ehr.example:443/fhir//", True), ("https://ehr.example/FHIR", False),
        ("https://ehr.example:8443/fhir", False), ("http://ehr.example/fhir", False),
    ],
)  # fmt: skip
def test_a_fhir_server_is_the_same_however_its_address_is_written(written: str, same: bool) -> None:
    assert (hook_call(fhirServer=written).fhir_server == hook_call().fhir_server) is same


def test_the_store_is_asked_once_a_call_and_not_before_there_is_something_to_say(
    of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(Store, "answers", lambda _, patient: asked.append(patient) or [])
    memory = of()
    assert asked == []
    for finding in findings():
        memory.hold(finding, CHART)
    assert asked == [memory.key]


def test_what_goes_out_is_written_down_and_what_would_have_is_marked_so(of: Any, on_file: Any) -> None:
    memory = of()
    memory.remember(SERVICE, [(low_b12(), card_of(UUID))], findings()[1:], CHART, "1+site.2")
    again = of(days=1)
    again.remember(SERVICE, [], findings()[1:], CHART, "1+site.2")
    rows = on_file().run(PAGES, lambda connection: list(connection.execute(select(CARD)).mappings()))
    shown = [row for row in rows if row["mode"] == "shown"]
    silent = [row for row in rows if row["mode"] == "silent"]
    assert [row["uuid"] for row in shown] == [UUID]
    assert json.loads(shown[0]["suggestions"]) == ["6f1b6c1e-0000-5000-8000-0000000000aa"]
    assert (shown[0]["module"], shown[0]["state"], shown[0]["rules_version"]) == ("B12", low_b12().state, "1+site.2")
    assert (shown[0]["service"], shown[0]["hook"], shown[0]["patient"]) == (SERVICE.id, SERVICE.hook, memory.key)
    assert len(silent) == len(findings()) - 1
    assert {row["times"] for row in silent} == {2}


def test_a_store_that_is_down_holds_nothing_and_says_so(of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any) -> Any:
        raise StoreDown

    monkeypatch.setattr(Store, "answers", down)
    memory = of()
    assert memory.hold(low_b12(), CHART) is None
    assert memory.state == "down"
    monkeypatch.setattr(Store, "record", down)
    writing = of()
    writing.remember(SERVICE, [(low_b12(), card_of(UUID))], [], CHART, "1")
    assert writing.state == "down"


def test_without_a_store_nothing_is_remembered_and_that_is_said() -> None:
    memory = Memory(Store(StoreSettings(), None, MARKS), MARKS, Terms()).of(CALLER, hook_call(), NOW)
    assert memory.hold(low_b12(), CHART) is None
    memory.remember(SERVICE, [(low_b12(), card_of(UUID))], [], CHART, "1")
    assert memory.state == "off"


def test_what_another_version_of_ours_has_noted_holds_nothing(of: Any, on_file: Any) -> None:
    of().remember(SERVICE, [(low_b12(), card_of(UUID))], [], CHART, "1")
    answered(on_file(), UUID)
    on_file().run(BACKGROUND, lambda connection: connection.execute(update(FEEDBACK).values(shown='{"module":5}')))
    assert of().hold(low_b12(), CHART) is None


def test_marks_lead_nowhere_without_the_key() -> None:
    key = MARKS.patient("c", "t", "https://ehr.example", "p")
    assert len(key) == 64
    assert key not in {
        MARKS.patient("ct", "", "https://ehr.example", "p"), MARKS.patient("c", "t", "", "https://ehr.examplep"),
        Marks.of(b"another-key-another-key-another-").patient("c", "t", "https://ehr.example", "p"),
    }  # fmt: skip
    assert MARKS.content("p") != Marks.of(b"another-key-another-key-another-").content("p")
    assert "=" not in repr(MARKS), "a key is never in a representation"
