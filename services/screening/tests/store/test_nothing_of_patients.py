"""After calls and answers, nothing of a patient stands in the store: no id, name, reference, value, and no comment."""

import time
from pathlib import Path
from typing import Any

import edge_samples as s
import pytest
from sqlalchemy import func, select
from store_samples import MARKS

from screening.store import Store, StoreSettings
from screening.store.lanes import PAGES
from screening.store.settings import FILE_NAME
from screening.store.tables import CARD, FEEDBACK, TRACE

MARK = "zzmarkzz"
PATIENT_ID = f"{MARK}-patient"
VALUE = 91.8273


def marked(resource: dict[str, Any]) -> dict[str, Any]:
    subject = "patient" if resource["resourceType"] == "FamilyMemberHistory" else "subject"
    return {**resource, "id": f"{MARK}-{resource['id']}", subject: {"reference": f"Patient/{PATIENT_ID}"}}


def values() -> dict[str, Any]:
    return s.prefetch(
        marked(s.observation("2132-9", VALUE, note=[{"text": MARK}])),
        patient=s.patient(id=PATIENT_ID, name=[{"family": MARK}], identifier=[{"value": MARK}]),
        conditions=s.bundle(marked(s.condition(code={**s.concept(s.ICD10CM, "G24.9", MARK), "text": MARK}))),
    )


def comment(card: dict[str, Any]) -> dict[str, Any]:
    return {
        "card": card["uuid"],
        "outcome": "overridden",
        "overrideReason": {"reason": {"code": "deferred", "display": MARK}, "userComment": MARK},
        "outcomeTimestamp": "2026-11-22T11:00:00Z",
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, int]:
    """The directory of the store after calls and answers; how many cards and answers there were."""
    directory = tmp_path_factory.mktemp("written")
    client = s.application(state_dir=directory).test_client()
    who = {"patientId": PATIENT_ID, "userId": f"Practitioner/{MARK}", "encounterId": MARK}
    view = s.call(values(), **who)
    order = s.order_call(marked(s.draft("5683-8")), values=values(), **who)
    cards = client.post(s.PATIENT_VIEW, json=view).get_json()["cards"]
    cards += client.post(s.ORDER_SELECT, json=order).get_json()["cards"]
    assert len(cards) >= 3
    answer = client.post(f"{s.PATIENT_VIEW}/feedback", json={"feedback": [comment(card) for card in cards]})
    assert answer.status_code == 200
    unknown = {**comment(cards[0]), "card": f"MRN {MARK}", "acceptedSuggestions": [{"id": MARK}]}
    assert client.post(f"{s.PATIENT_VIEW}/feedback", json={"feedback": [unknown]}).status_code == 200
    assert client.post(s.PATIENT_VIEW, json=view).get_json()["cards"] == []
    _traced(directory, 3)
    return directory, len(cards), len(cards) + 1


def _traced(directory: Path, number: int) -> None:
    """Wait until the traces are written, which is done in the background."""
    store = Store(StoreSettings(), directory, MARKS)
    for _ in range(200):
        if len(store.traces.find(s.HOOK_INSTANCE)) >= number:
            break
        time.sleep(0.02)
    store.close()


def test_no_file_of_the_store_holds_anything_of_the_patient(written: tuple[Path, int, int]) -> None:
    directory, _, _ = written
    files = list(directory.glob(f"{FILE_NAME}*"))
    whole = b"".join(path.read_bytes() for path in files)
    assert b"B12" in whole
    for secret in (MARK, str(VALUE), s.patient()["birthDate"], "condition-1", "observation-1"):
        assert secret.encode() not in whole


def test_what_was_shown_and_answered_is_there_all_the_same(written: tuple[Path, int, int]) -> None:
    directory, cards, answers = written
    store = Store(StoreSettings(), directory, MARKS)
    numbers = [select(func.count()).select_from(table) for table in (CARD, FEEDBACK, TRACE)]
    counted = store.run(PAGES, lambda connection: [connection.execute(one).scalar_one() for one in numbers])
    store.close()
    assert counted == [cards, answers, 3]
