"""Where the numbers come from, short enough for an evidence line. Content holds the full bibliography."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Citation:
    """A source as it stands on the card."""

    text: str

    def __str__(self) -> str:
        return self.text


RULES: Final = Citation("dystonia-cds clinical rules 1.1")
NICE_NG239: Final = Citation("NICE NG239 (2024)")
PREGNANCY_FLOOR: Final = Citation("dystonia-cds clinical rules 1.1; floor in pregnancy awaiting clinical confirmation")
BSH_2014: Final = Citation("Devalia 2014, Br J Haematol 166:496 (BSH)")
STABLER_2013: Final = Citation("Stabler 2013, N Engl J Med 368:149")
N2O_PRACTICAL_NEUROLOGY: Final = Citation("Paris 2023, Pract Neurol 23:222 (nitrous oxide)")
EGFR_MMA_2018: Final = Citation("Ann Clin Biochem 2018, eGFR and MMA")
GENEREVIEWS_AVED: Final = Citation("GeneReviews, AVED (2023)")
VITAMIN_E_STATUS: Final = Citation(
    "Morrissey 1999 (author, year unconfirmed), vitamin E status markers; below 4.0 umol/L unconfirmed"
)
VITAMIN_E_CHILD: Final = Citation("Mayo Clinic Laboratories, vitamin E 0-17 years; below 4.0 umol/L unconfirmed")
THURNHAM: Final = Citation("Thurnham 1986 (whole reference unconfirmed)")
GENEREVIEWS_HMNDYT1: Final = Citation("GeneReviews, HMNDYT1 (2021)")
MAYO_MN: Final = Citation("Mayo Clinic Laboratories, manganese; multiples: dystonia-cds clinical rules 1.1")
OWN_RANGE: Final = Citation("the laboratory's own range; multiples: dystonia-cds clinical rules 1.1")
ARUP_MN: Final = Citation("ARUP Laboratories, manganese")
ENDOCRINE_2016: Final = Citation("Turner 2016, Endocr Connect 5:G7 (Society for Endocrinology)")
ABIM_2026: Final = Citation("ABIM laboratory reference ranges (2026)")
NGUYEN_2005: Final = Citation("Nguyen 2005, Med J Aust 182:123")
AASLD_WILSON: Final = Citation("AASLD practice guidance on Wilson disease (2022)")
AASLD_URINE_COPPER: Final = Citation("AASLD recommendations on Wilson disease, 40 and 100 ug a day")
COPPER_TESTS: Final = Citation("Gromadzka 2023, monitoring of copper in Wilson disease, PMC10253047")
ACERULOPLASMINEMIA: Final = Citation("GeneReviews, aceruloplasminemia")
NBIA_2015: Final = Citation("NBIA: diagnosis and management, J Mov Disord 2015")
GARD_PATTERN: Final = Citation(
    "GARD, laboratory pattern of aceruloplasminemia; limits: dystonia-cds clinical rules 1.1"
)
MMWR_EDETATE: Final = Citation("MMWR 2006;55:204-7, deaths from edetate")
EFNS_DYSTONIA: Final = Citation("Albanese 2011, Eur J Neurol 18:5 (EFNS)")
