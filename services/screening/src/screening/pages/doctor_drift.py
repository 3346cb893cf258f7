"""Where what a client sends departs from what our templates ask for, and what to change."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import SequenceMatcher
from typing import Final

from screening import scopes
from screening.domain.codes import LOINC, SNOMED
from screening.fhir.outcomes import ABSENT, DELIVERED, EHR_WORDS, FORBIDDEN, NONE, PARTIAL, PREFETCH_WORDS, TOO_MANY
from screening.services import SITE_FACTS_KEY, resource_type
from screening.tally import ClientCounts, KeyCounts, StrangeKey

ALARM: Final = "alarm"
LOOK: Final = "look"
NOTE: Final = "note"
_RANK: Final[Mapping[str, int]] = {ALARM: 0, LOOK: 1, NOTE: 2}

STOPPED_AFTER: Final = 20
"""Calls in a row without a key that used to come; and more than ever before, by `STOPPED_TIMES`."""
STOPPED_TIMES: Final = 3
RARE: Final = 100
"""Once in more calls than that is rare."""
FEW: Final = 5
"""Fewer results than that in a unit that cannot be read say nothing about a laboratory: a slip, or one patient."""
_ALIKE: Final = 0.6
"""How alike two names must be (0 to 1) for one to be taken for the other."""

STANDARD: Final = frozenset({LOINC, SNOMED, "urn:oid:2.16.840.1.113883.6.1", "urn:oid:2.16.840.1.113883.6.96"})
"""Code systems whose codes are no site's own: what is not understood of them was not asked for."""

_NO_ERROR: Final = frozenset({DELIVERED, NONE, ABSENT, PARTIAL, TOO_MANY})


@dataclass(frozen=True, slots=True)
class Departure:
    """One departure.

    Attributes:
        weight: `alarm` (something has broken), `look` (costs cards or time), `note` (harmless).
        what: a fixed word for it.
        key: the key that it is about: ours, or the client's where it is none of ours.
        words: a sentence for the site's analyst.
        change: lines to copy into the clients file; empty when there are none.
    """

    weight: str
    what: str
    key: str
    words: str
    change: str = ""


def departures(client: ClientCounts, templates: Mapping[str, str]) -> list[Departure]:
    """All departures of one client, the heavy ones first."""
    found = [one for key in templates for one in _of_key(key, templates, client)]
    found += _sometimes_absent(templates, client)
    for name, strange in client.strange.items():
        missing = [key for key in templates if _absent(client.keys.get(key)) >= strange.calls]
        found.append(_strange(name, strange, missing, templates))
    found += _not_fetched(client, templates)
    found += _not_understood(client)
    if client.unshown_keys:
        found.append(
            Departure(
                NOTE,
                "unshown-keys",
                "",
                f"{_times(client.unshown_keys)} a key came that is none of ours and cannot be shown here: too many, or"
                " a name that could be more than a name.",
            )
        )
    return sorted(found, key=lambda one: _RANK[one.weight])


def errors(outcomes: Mapping[str, int]) -> dict[str, int]:
    """The outcomes that are failures."""
    return {outcome: number for outcome, number in outcomes.items() if outcome not in _NO_ERROR}


def _came(counts: KeyCounts | None) -> bool:
    return counts is not None and any(counts.prefetch.get(outcome) for outcome in (DELIVERED, NONE, PARTIAL, TOO_MANY))


def _absent(counts: KeyCounts | None) -> int:
    return counts.prefetch.get(ABSENT, 0) if counts is not None else 0


def _of_key(key: str, templates: Mapping[str, str], client: ClientCounts) -> Iterator[Departure]:
    counts = client.keys.get(key)
    calls = sum(counts.prefetch.values()) if counts is not None else 0
    if counts is None or not calls:
        return
    if not _came(counts):
        yield _never(key, counts, calls)
    elif _has_stopped(counts):
        last = datetime.fromtimestamp(counts.came, UTC).strftime("%Y-%m-%d %H:%M UTC")
        yield Departure(
            ALARM,
            "stopped-coming",
            key,
            f"Used to come and has stopped: not in the last {counts.gap} calls, last seen {last}. Was a query, a grant"
            " or a release of the EHR changed?",
        )
    if _came(counts) and (failed := errors(counts.prefetch)):
        number = sum(failed.values())
        words = f"Failed in {number} of {_calls(calls)}: {_listed(failed)}."
        yield Departure(_weight(number, calls), "failing", key, words)
    if partial := counts.prefetch.get(PARTIAL):
        yield Departure(
            _weight(partial, calls),
            "partial",
            key,
            f"Came in part in {partial} of {_calls(calls)}: it {PREFETCH_WORDS[PARTIAL]}. What is missing is fetched"
            " where that is agreed, else called not available.",
        )
    if many := counts.prefetch.get(TOO_MANY):
        yield Departure(
            _weight(many, calls),
            "too-many",
            key,
            f"Held more than is read in one call in {many} of {_calls(calls)}, so that what it did not bring is called"
            " not available. Does the EHR pass over the codes or the date of the query? Else raise MAX_RESOURCES_READ.",
        )
    yield from _content(key, templates[key], counts)


def _has_stopped(counts: KeyCounts) -> bool:
    return counts.gap >= STOPPED_AFTER and counts.gap > STOPPED_TIMES * counts.longest_gap


def _sometimes_absent(keys: Iterable[str], client: ClientCounts) -> Iterator[Departure]:
    """One departure for all keys that come and now and then do not, those that are absent most often first."""
    absent: dict[str, int] = {}
    for key in keys:
        counts = client.keys.get(key)
        if counts is not None and _came(counts) and not _has_stopped(counts) and _absent(counts):
            absent[key] = _absent(counts)
    if absent:
        often = sorted(absent, key=lambda key: -absent[key])
        numbers = ", ".join(f"{key} {absent[key]}" for key in often) if len(often) > 1 else str(absent[often[0]])
        words = f"Absent in some of {_calls(client.calls)}: {numbers}. Usually a hook that is set up without them."
        yield Departure(NOTE, "sometimes-absent", ", ".join(often), words)


def _never(key: str, counts: KeyCounts, calls: int) -> Departure:
    failed = errors(counts.prefetch)
    how = f" It was there but could not be used: {_listed(failed)}." if failed else ""
    fetched = counts.ehr.get(DELIVERED, 0) + counts.ehr.get(NONE, 0)
    instead = (
        f" It was fetched from the FHIR server {_times(fetched)}; in the prefetch it would cost less time."
        if fetched
        else ""
    )
    weight = NOTE if key == SITE_FACTS_KEY or fetched else LOOK
    return Departure(weight, "never-came", key, f"Never came with the prefetch in {_calls(calls)}.{how}{instead}")


def _not_fetched(client: ClientCounts, templates: Mapping[str, str]) -> Iterator[Departure]:
    """Why the FHIR server did not give what the prefetch lacked: one departure for each reason."""
    reasons: dict[str, list[str]] = {}
    times: Counter[str] = Counter()
    tries = sum(sum(counts.ehr.values()) for counts in client.keys.values())
    for key in templates:
        counts = client.keys.get(key)
        for outcome, number in errors(counts.ehr).items() if counts is not None else ():
            reasons.setdefault(outcome, []).append(key)
            times[outcome] += number
    for outcome, keys in reasons.items():
        needed = " ".join(scopes.together(scopes.second(templates[key]) for key in keys))
        grant = f" It would need {needed}." if outcome == FORBIDDEN else ""
        yield Departure(
            _weight(times[outcome], tries),
            f"fetch-{outcome}",
            ", ".join(keys),
            f"Missing in the prefetch and not fetched, {_times(times[outcome])}:"
            f" {EHR_WORDS.get(outcome, outcome)}.{grant}",
        )


def _content(key: str, template: str, counts: KeyCounts) -> Iterator[Departure]:
    kind = resource_type(template)
    if counts.misfits:
        every = counts.misfits == counts.answered
        yield Departure(
            _weight(counts.misfits, counts.answered),
            "wrong-content",
            key,
            f"{'Never' if every else 'Not always'} holds what was asked for: without a {kind} in {counts.misfits} of"
            f" {_calls(counts.answered)}. Was another query put under this key?",
        )
    for words, number in sorted(counts.outside.items()):
        yield Departure(
            NOTE,
            "more-than-asked",
            key,
            f"Brings {words} in {number} of {_calls(counts.answered)}. They are sorted out here, but cost time: was the"
            " query shortened, or does the EHR pass over a parameter?",
        )


def _not_understood(client: ClientCounts) -> Iterator[Departure]:
    local = [seen for seen in client.codes.values() if seen.system not in STANDARD]
    if local:
        yield Departure(
            LOOK,
            "codes-not-understood",
            ", ".join(dict.fromkeys(seen.key for seen in local)),
            f"Results came with codes that no rule understands ({len(local)} of them), so that they count as not there."
            " Map those that mean something: see the ConceptMap.",
        )
    if client.units:
        number = sum(seen.count for seen in client.units.values())
        weight = _weight(number, client.inspected) if number >= FEW else NOTE
        analytes = ", ".join(dict.fromkeys(seen.analyte for seen in client.units.values()))
        words = f"{_results(number)} of {analytes} could not be read because of the unit or the form of the value."
        yield Departure(weight, "units-not-read", "", words)
    if client.unknown_drafts:
        yield Departure(
            _weight(client.unknown_drafts, client.inspected),
            "drafts-unknown",
            "",
            f"Orders of which no code says what medicine is meant: {client.unknown_drafts}. Only rules that go by"
            " words can speak of them. Send the Medication with the order (contained, or among draftOrders), or let the"
            " call's token read Medication.",
        )


def _strange(name: str, strange: StrangeKey, missing: Sequence[str], templates: Mapping[str, str]) -> Departure:
    holds = ", ".join(sorted(strange.kinds)) or "nothing"
    told = f"Is none of our keys; came in {_calls(strange.calls)} and held {holds}."
    fitting = _fitting(name, strange, missing, templates)
    if not fitting:
        return Departure(NOTE, "unknown-key", name, f"{told} Resources in it are read, but that there are none is not.")
    change = "\n".join(["prefetchKeys:", *(f"  {key}: {name}" for key in fitting)])
    said = " and ".join(fitting)
    return Departure(
        LOOK,
        "renamed-key",
        name,
        f"{told} It looks like our {said}, which was absent then. If it is, say so in the clients file, or rename it in"
        " the EHR: until then an empty answer under it is not believed.",
        change,
    )


def _fitting(name: str, strange: StrangeKey, missing: Sequence[str], templates: Mapping[str, str]) -> list[str]:
    """The keys of ours for which a client's key may stand: by its results, else by its type, else by its name."""
    alike = {key: SequenceMatcher(None, _plain(key), _plain(name)).ratio() for key in missing}
    answers = [key for key in missing if strange.answers.get(key)]
    if answers:
        return sorted(answers, key=lambda key: (-strange.answers[key], -alike[key]))[:1]
    of_type = [key for key in missing if resource_type(templates[key]) in strange.kinds]
    if len(of_type) == 1 and of_type[0] != SITE_FACTS_KEY:
        return of_type
    candidates = [key for key in (of_type or (missing if not strange.kinds else ())) if alike[key] >= _ALIKE]
    return sorted(candidates, key=lambda key: -alike[key])[:1]


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


def _weight(number: int, of: int) -> str:
    """What happens now and then, in less than a hundredth, is no reason to look."""
    return LOOK if number * RARE >= of else NOTE


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _calls(number: int) -> str:
    return "1 call" if number == 1 else f"{number} calls"


def _results(number: int) -> str:
    return "1 result" if number == 1 else f"{number} results"


def _listed(outcomes: Mapping[str, int]) -> str:
    often = sorted(outcomes.items(), key=lambda one: -one[1])
    return ", ".join(f"{_times(number)} it {PREFETCH_WORDS.get(outcome, outcome)}" for outcome, number in often)
