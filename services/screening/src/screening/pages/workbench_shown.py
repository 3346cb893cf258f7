"""What the workbench shows of a case where no script runs: the parts, each as finished HTML."""

from dataclasses import dataclass

from markupsafe import Markup

from screening.synthetic.cases import Case


@dataclass(frozen=True, slots=True)
class Shown:
    """The parts of a page about one case.

    Attributes:
        case: which.
        hook: the hook that is looked at: that of the case, or the one in the address.
        record: the tables of the record.
        timeline: the section with a plot for each test, the switch of units, and the tables.
        drafts: the table of draft orders; empty where there are none.
        cards: the cards that the service gives, in their order; none means that it is silent.
    """

    case: Case
    hook: str
    record: Markup
    timeline: Markup
    drafts: Markup
    cards: tuple[Markup, ...]
