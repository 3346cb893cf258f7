"""What a reason that an EHR sends back means: one of our override codes, or nothing that we understand."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from screening.knowledge import loading

_CODE_LIKE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Given:
    """One reason as it came.

    Attributes:
        code: empty when it has none.
        system: of the code; empty when it names none.
        words: what the user has seen, such as its display. Read, never kept.
    """

    code: str
    system: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reasons:
    """Our override codes, and the codes of HL7 that mean one of them.

    Attributes:
        system: of our codes.
        displays: our code -> the words on the card.
        foreign_system: HL7's Non-Adherence Reason Codes.
        foreign: its code -> ours.
    """

    system: str
    displays: Mapping[str, str]
    foreign_system: str
    foreign: Mapping[str, str]

    def understood(self, given: Iterable[Given], mapped: Mapping[str, str]) -> tuple[str, str]:
        """What was meant, and in which code of another system it was said.

        Args:
            given: the reasons of one answer; the first one that is understood counts.
            mapped: the site's code -> ours, as agreed with the client.

        Returns:
            One of our codes, or empty; and the code that came if it is none of ours and looks like a code, else empty.
        """
        unknown = ""
        for one in given:
            theirs = one.code if _CODE_LIKE.fullmatch(one.code) and one.code not in self.displays else ""
            if ours := self._ours(one, mapped):
                return ours, theirs
            unknown = unknown or theirs
        return "", unknown

    def _ours(self, one: Given, mapped: Mapping[str, str]) -> str:
        if one.system == self.system and one.code in self.displays:
            return one.code
        agreed = mapped.get(one.code, "")
        if agreed in self.displays:
            return agreed
        if one.code in self.displays:  # the CDS Hooks Sandbox sends the code alone, and others bend the system
            return one.code
        if one.system in ("", self.foreign_system) and one.code in self.foreign:
            return self.foreign[one.code]
        said = {" ".join(words.split()).casefold() for words in one.words}
        return next((code for code, display in self.displays.items() if display.casefold() in said), "")


def reasons(canonical_base: str) -> Reasons:
    """The reasons of this package, under a site's canonical base."""
    (group,) = loading.concept_map("non-adherence-reasons")["group"]
    return Reasons(
        system=f"{canonical_base}/CodeSystem/override-reasons",
        displays=loading.override_reasons(),
        foreign_system=group["source"],
        foreign={element["code"]: element["target"][0]["code"] for element in group["element"]},
    )
