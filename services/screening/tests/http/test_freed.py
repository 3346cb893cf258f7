"""What a call brought is freed when it is answered: large bodies must not wait for the collector of cycles."""

import gc
from collections import Counter
from collections.abc import Iterator
from typing import Any

import edge_samples as s
import pytest

VALUES = s.prefetch(s.observation("2132-9", 150, "pg/mL"), s.observation("2601-3", 0.8, "mmol/L"))
CALLS = {
    s.PATIENT_VIEW: s.call(VALUES),
    s.ORDER_SELECT: s.order_call(s.draft("2132-9"), values=VALUES),
}


@pytest.fixture
def nothing_collected() -> Iterator[None]:
    """Only reference counts free anything; what they do not free is kept to be looked at."""
    gc.collect()
    gc.freeze()
    gc.disable()
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.unfreeze()
    gc.enable()


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.usefixtures("nothing_collected")
def test_nothing_of_a_call_waits_for_the_collector(path: str) -> None:
    client = s.application().test_client()
    assert client.post(path, json=CALLS[path]).status_code == 200
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    assert client.post(path, json=CALLS[path]).status_code == 200
    gc.collect()
    kinds: list[type[Any]] = [type(one) for one in gc.garbage]
    assert Counter(kind.__qualname__ for kind in kinds if kind.__module__.startswith("screening.")) == {}
