"""Those whom we ask: content, the FHIR server of the EHR, and the publisher of a client's keys."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import requests
from crash.load import MODULES
from crash.stack import CONTENT, GATEWAY, SCREENING

from faults.calling import Answer, Caller, loaded
from faults.ground import Ground
from faults.holding import must, until

_PAGE: Final = "/explanations/vitamin-b12"
_EXPLAINED: Final = "Evidence grade:"
"""What stands on a card whose explanation screening has."""

_EXPLAINED_WITHIN_S: Final = 20.0
_AGAIN_WITHIN_S: Final = 20.0
_REFUSED_WITHIN_S: Final = 15.0
_CALLS: Final = 20
_CALLS_OF_EACH_WORKER: Final = 8
_NOT_HAD: Final = ("not answer in time", "not be reached", "left alone", "paused", "busy")
"""What is said of the FHIR server when it is asked, and when it is not asked any more for a while."""
_EHR_WITHIN_S: Final = 3.0
_EHR_AGAIN_WITHIN_S: Final = 45.0
_KEYS_AGAIN_WITHIN_S: Final = 90.0
"""A publisher that did not answer is left alone for up to a minute."""
_LOADED_S: Final = 4.0
_NO_RESULT: Final = "no result"
_NOT_THE_SAME: Final = "not the same as having no result on record"
_BASIC: Final = ("patient", "conditions")


def content_down_at_start(ground: Ground) -> str:
    """Content is not there when screening and gateway start; it comes later."""
    ground.lines.content.cut()
    return _started_without_content(ground)


def content_hanging_at_start(ground: Ground) -> str:
    """Content takes connections and answers nothing when screening and gateway start."""
    ground.start(CONTENT)
    ground.lines.content.hold()
    return _started_without_content(ground)


def _started_without_content(ground: Ground) -> str:
    ground.start(SCREENING, GATEWAY)
    caller = ground.caller()
    bare = [_all_cards(caller) for _ in range(_CALLS)]
    must(not any(bare), "cards are explained before content is there")
    page = caller.send("GET", _PAGE)
    must(page.status in {502, 503, 504}, f"the page of an explanation is answered {page.in_short()}")
    if not ground.content.master:
        ground.start(CONTENT)
    ground.lines.mend()
    explained = until(
        lambda: _always_explained(caller), _EXPLAINED_WITHIN_S, "cards are not explained once content is there"
    )
    until(lambda: caller.send("GET", _PAGE).good, _AGAIN_WITHIN_S, "the page of an explanation does not come")
    return f"{_CALLS} of {_CALLS} calls answered with their cards, which were explained {explained:.1f} s after it came"


def content_down(ground: Ground) -> str:
    """Content ends while calls come, and comes back."""
    ground.content.end()
    return _without_content(ground, ground.content.start_again)


def content_hanging(ground: Ground) -> str:
    """Content takes connections and answers nothing while calls come."""
    ground.lines.content.hold()
    return _without_content(ground, ground.lines.content.mend)


def content_restarted(ground: Ground) -> str:
    """SIGTERM to content while calls and pages are asked for, twice: each call has its cards, explained."""
    over, reader, pages = threading.Event(), ground.caller("beta"), Counter[int]()

    def read() -> None:
        while not over.is_set():
            pages[reader.send("GET", _PAGE).status] += 1

    with loaded(ground.callers(3)) as load, ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        caller = ground.caller()
        try:
            for _ in range(2):
                time.sleep(_LOADED_S / 4)
                ground.content.end()
                must(all(_all_cards(caller) for _ in range(_CALLS)), "cards lose their explanations")
                ground.content.start_again()
                ground.stack.wait_until_ready(CONTENT)
                until(lambda: caller.send("GET", _PAGE).good, _AGAIN_WITHIN_S, "the page of an explanation stays away")
            explained = _always_explained(caller)
        finally:
            over.set()
        reading.result()
    must(explained, "cards lose their explanations once content is there again")
    must(not load.failed, load.what_failed())
    must(not pages.keys() - {200, 502, 503, 504}, f"pages of explanations are answered {dict(pages)}")
    must(pages[200] > 0, "no page of an explanation was answered")
    told = pages.total() - pages[200]
    return f"restarted twice, {load.in_short()}, {pages[200]} pages answered, {told} refused with 502, 503 or 504"


def _without_content(ground: Ground, mend: Callable[[], None]) -> str:
    with loaded(ground.callers(3)) as load:
        caller = ground.caller()
        page = caller.send("GET", _PAGE)
        explained = [_all_cards(caller) for _ in range(_CALLS)]
        time.sleep(_LOADED_S)
        mend()
        again = until(lambda: caller.send("GET", _PAGE).good, _AGAIN_WITHIN_S, "the page of an explanation stays away")
    must(not load.failed, load.what_failed())
    must(all(explained), "cards lose their explanations, which screening had")
    must(page.status in {502, 503, 504}, f"the page of an explanation is answered {page.in_short()}")
    must(page.seconds < _REFUSED_WITHIN_S, f"the page of an explanation was refused after {page.seconds:.1f} s")
    return f"{load.in_short()}, the page of an explanation {page.status}, back after {again:.1f} s"


def _all_cards(caller: Caller) -> bool:
    """Whether a call's cards are explained; all of them must be there in any case."""
    answer = caller.ask()
    must(answer.modules == MODULES, f"a call is answered {answer.in_short()} with {sorted(answer.modules)}")
    return all(_EXPLAINED in card["detail"] for card in answer.cards)


def _always_explained(caller: Caller) -> bool:
    """Whether the cards of several calls, and so of each worker, are explained."""
    return all(_all_cards(caller) for _ in range(_CALLS_OF_EACH_WORKER))


def ehr_hanging(ground: Ground) -> str:
    """The FHIR server takes connections and answers nothing, in calls that need it."""
    return _without_ehr(ground, ground.lines.ehr.hold)


def ehr_down(ground: Ground) -> str:
    """The FHIR server takes no connection, in calls that need it."""
    return _without_ehr(ground, ground.lines.ehr.cut)


def _without_ehr(ground: Ground, stop: Callable[[], None]) -> str:
    """Calls that need it say in time what is missing; those of others do not notice."""
    body = ground.body_for_ehr()
    asking = ground.caller()
    with_ehr = asking.ask(body=body)
    must(with_ehr.good and bool(with_ehr.cards), f"a call is answered {with_ehr.in_short()} while all is well")
    stop()
    with loaded([ground.caller("beta"), ground.caller("gamma")]) as load:
        answers = [asking.ask(body=body) for _ in range(_CALLS)]
    for one in answers:
        missing = one.status == requests.codes.precondition_failed and any(word in one.words for word in _NOT_HAD)
        must(missing, f"a call without data is answered {one.in_short()}: {one.text[:300]}")
    slowest = max(one.seconds for one in answers)
    must(slowest < _EHR_WITHIN_S, f"a call without data was answered after {slowest:.1f} s")
    must(not load.failed, f"calls of others: {load.what_failed()}")
    ground.lines.ehr.mend()
    again = until(lambda: asking.ask(body=body).good, _EHR_AGAIN_WITHIN_S, "the FHIR server is not asked again")
    return f"{_CALLS} calls answered 412 within {slowest:.1f} s, {load.in_short()}, asked again after {again:.1f} s"


def ehr_half_gone(ground: Ground) -> str:
    """The call brings patient and conditions, and the FHIR server that has the rest hangs."""
    ground.lines.ehr.hold()
    partial: dict[str, Any] = json.loads(ground.body_for_ehr())
    partial["prefetch"] = {key: held for key, held in ground.prefetch_of_chart().items() if key in _BASIC}
    answer = ground.caller().ask(body=json.dumps(partial))
    ground.lines.ehr.mend()
    must(answer.good, f"the call is answered {answer.in_short()}")
    said = " ".join(card["summary"] + card["detail"] for card in answer.cards)
    must("DATA" in answer.modules and "B12" in said, f"no card says what could not be had: {said[:300]}")
    must("B12" not in answer.modules, "a result was judged that nobody had")
    claimed = said.replace(_NOT_THE_SAME, "")
    must(_NO_RESULT not in claimed.lower(), f"a card says that there is no result, and nobody could look: {said}")
    return f"answered with {', '.join(sorted(answer.modules))} within {answer.seconds:.1f} s, which say what is missing"


def keys_down(ground: Ground) -> str:
    """The publisher of keys is down: a client whose keys are known goes on."""
    known = ground.caller("delta")
    must((first := known.ask()).good, f"a client whose keys are published is answered {first.in_short()}")
    ground.lines.keys.cut()
    with loaded(ground.callers(2)) as load:
        answers = [known.ask() for _ in range(_CALLS)]
    ground.lines.keys.mend()
    must(not load.failed, f"calls of others: {load.what_failed()}")
    must(all(one.good for one in answers), f"a client whose keys are known is answered {_first_bad(answers)}")
    return f"{_CALLS} of {_CALLS} calls with known keys let in, {load.in_short()}"


def keys_down_at_start(ground: Ground) -> str:
    """The publisher of keys takes no connection from the start on."""
    return _started_without_keys(ground, ground.lines.keys.cut)


def keys_hanging_at_start(ground: Ground) -> str:
    """The publisher of keys takes connections and answers nothing, from the start on."""
    return _started_without_keys(ground, ground.lines.keys.hold)


def _started_without_keys(ground: Ground, stop: Callable[[], None]) -> str:
    """A client whose keys are not known is told to come again, and nobody else has to wait."""
    stop()
    ground.start()
    unknown = ground.caller("delta")
    with loaded(ground.callers(3)) as load:
        refused = [unknown.ask() for _ in range(4)]
    must(not load.failed, f"calls of others: {load.what_failed()}")
    for one in refused:
        must(one.status == requests.codes.unavailable, f"a client whose keys are not known: {one.in_short()}")
        must(one.seconds < _REFUSED_WITHIN_S, f"it was refused after {one.seconds:.1f} s")
    ground.lines.keys.mend()
    again = until(lambda: unknown.ask().good, _KEYS_AGAIN_WITHIN_S, lambda: f"not let in: {unknown.ask().in_short()}")
    slowest = max(one.seconds for one in refused)
    return f"{load.in_short()}, without keys 503 within {slowest:.1f} s, let in {again:.1f} s after they were back"


def _first_bad(answers: Sequence[Answer]) -> str:
    return next((one.in_short() for one in answers if not one.good), "")
