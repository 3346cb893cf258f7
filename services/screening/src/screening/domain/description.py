"""What a workup or an order rule does, in words that a clinician can sign: published as PlanDefinition and Library."""

from dataclasses import dataclass

from screening.domain.citations import Citation


@dataclass(frozen=True, slots=True)
class Case:
    """One state of a workup or one branch of an order rule.

    Attributes:
        outcome: the state, or the indicator of an order rule's card.
        when: the condition in words, with its numbers.
        then: what is shown and suggested, in words.
    """

    outcome: str
    when: str
    then: str


@dataclass(frozen=True, slots=True)
class Description:
    """A workup or order rule in words.

    Attributes:
        title: its name.
        purpose: why it exists, in a sentence.
        trigger: whose chart or which order is looked at.
        cases: what may come of it, most urgent first.
        sources: what it rests on.
    """

    title: str
    purpose: str
    trigger: str
    cases: tuple[Case, ...]
    sources: tuple[Citation, ...]
