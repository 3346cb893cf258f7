"""Where a citation of the rules is found: its entry in the bibliography of the content service, and its own address.

Content holds the bibliography; a test compares this list with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from screening.domain import citations
from screening.domain.citations import Citation

_DOI: Final = "https://doi.org/"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the bibliography: its key, and its DOI or address if it has one."""

    key: str
    doi: str = ""
    url: str = ""

    @property
    def address(self) -> str:
        """Where the source itself is; empty when that is not known."""
        return f"{_DOI}{self.doi}" if self.doi else self.url


ENTRIES: Final[Mapping[Citation, Entry]] = {
    citations.NICE_NG239: Entry("nice-ng239", url="https://www.nice.org.uk/guidance/ng239/chapter/Recommendations"),
    citations.BSH_2014: Entry("bsh-2014", "10.1111/bjh.12959"),
    citations.STABLER_2013: Entry("stabler-2013", "10.1056/NEJMcp1113996"),
    citations.N2O_PRACTICAL_NEUROLOGY: Entry("nitrous-oxide-2023", "10.1136/pn-2022-003631"),
    citations.EGFR_MMA_2018: Entry("mma-egfr-2018", "10.1177/0004563218778300"),
    citations.GENEREVIEWS_AVED: Entry("genereviews-aved", url="https://www.ncbi.nlm.nih.gov/books/n/gene/aved/"),
    citations.VITAMIN_E_STATUS: Entry("vitamin-e-status-1999"),
    citations.THURNHAM: Entry("thurnham-1986"),
    citations.GENEREVIEWS_HMNDYT1: Entry("genereviews-hmndyt1", url="https://www.ncbi.nlm.nih.gov/books/NBK100241/"),
    citations.ENDOCRINE_2016: Entry(
        "endocrine-emergency-2016", url="https://ec.bioscientifica.com/view/journals/ec/5/5/G7.xml"
    ),
    citations.NGUYEN_2005: Entry("nguyen-2005", "10.5694/j.1326-5377.2005.tb06614.x"),
    citations.AASLD_WILSON: Entry("aasld-wilson-2022", "10.1002/hep.32801"),
    citations.AASLD_URINE_COPPER: Entry("aasld-wilson-2008"),
    citations.ACERULOPLASMINEMIA: Entry("genereviews-aceruloplasminemia"),
    citations.NBIA_2015: Entry("nbia-2015", "10.14802/jmd.14034"),
    citations.GARD_PATTERN: Entry(
        "gard-aceruloplasminemia",
        url="https://rarediseases.info.nih.gov/gard/9499/aceruloplasminemia/more-about-this-disease",
    ),
}
"""The citations that have an entry. The others are our own rules and pages of laboratories."""


def related(citation: Citation, public_url: str) -> dict[str, Any]:
    """The RelatedArtifact of a citation: the source's address, else our entry for it, else its words alone."""
    entry = ENTRIES.get(citation)
    artifact: dict[str, Any] = {"type": "citation", "display": citation.text, "citation": citation.text}
    if entry is not None:
        artifact["url"] = entry.address or f"{public_url}/bibliography#ref-{entry.key}"
    return artifact
