"""The dialects, one row each. `docs/dialects.md` says where each fact comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an EHR wants its cards.

    Attributes:
        name: as in the clients file.
        single_actions: a suggestion may hold one action only, and of it only the description is shown: suggestions
            are split, and each description says all that there is to know, since order details are not taken over.
        only_site_codes: an order can be filed only under a code of the site's own catalog: a draft without one is left
            out and named in the text. Elsewhere the site's code stands in front of ours, where there is one.
        detail_type: what the EHR is told about the format of `detail`; empty: nothing, and it is Markdown.
        listed_links: links that are not on a list agreed with the EHR are removed by it, so that we send no others.
        when_data_is_missing: what to look at, at this EHR, when it did not send what nothing can be decided without.
    """

    name: str
    single_actions: bool = False
    only_site_codes: bool = False
    detail_type: str = ""
    listed_links: bool = False
    when_data_is_missing: str = ""


STRICT: Final = Dialect("strict")
SANDBOX: Final = Dialect(
    "sandbox",
    when_data_is_missing=(
        "The Sandbox leaves out a key when its FHIR server answers with an error. Choose an R4 server: the one that it"
        " starts with is DSTU2."
    ),
)
EPIC: Final = Dialect(
    "epic",
    single_actions=True,
    only_site_codes=True,
    detail_type="text/markdown; variant=GitHub",
    when_data_is_missing=(
        "Epic does not read discovery: see that the criteria (LGL) record has this prefetch query, and that the service"
        " address in it is the registered one, without which Epic sends almost nothing."
    ),
)
ORACLE: Final = Dialect(
    "oracle",
    listed_links=True,
    when_data_is_missing="See that the registration of the service has this prefetch query and the FHIR scopes for it.",
)
ATHENA: Final = Dialect("athena")

DIALECTS: Final[Mapping[str, Dialect]] = {one.name: one for one in (STRICT, SANDBOX, EPIC, ORACLE, ATHENA)}


def named(name: str) -> Dialect:
    """The dialect of a client; one that this service does not know yet is served as the standard has it."""
    return DIALECTS.get(name, STRICT)
