"""Where the numbers come from. The content service holds the full bibliography under the same keys."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Citation:
    """A source: `key` as in the bibliography, `text` short enough for an evidence line."""

    key: str
    text: str

    def __str__(self) -> str:
        return self.text


NICE_NG239: Final = Citation("nice-ng239", "NICE NG239 (2024)")
BSH_2014: Final = Citation("devalia-2014", "Devalia 2014, Br J Haematol 166:496 (BSH)")
STABLER_2013: Final = Citation("stabler-2013", "Stabler 2013, N Engl J Med 368:149")
N2O_PRACTICAL_NEUROLOGY: Final = Citation("n2o-practical-neurology", "N2O table, Practical Neurology")
EGFR_MMA_2018: Final = Citation("egfr-mma-2018", "Ann Clin Biochem 2018, eGFR and MMA")
GENEREVIEWS_AVED: Final = Citation("genereviews-aved", "GeneReviews, AVED (2023)")
VITAMIN_E_STATUS: Final = Citation("vitamin-e-status", "Vitamin E status markers")
WINBAUER: Final = Citation("winbauer-1999", "Winbauer, Ann Clin Lab Sci (lipid ratio)")
GENEREVIEWS_HMNDYT1: Final = Citation("genereviews-hmndyt1", "GeneReviews, HMNDYT1 (2021)")
MAYO_MN: Final = Citation("mayo-manganese", "Mayo Clinic Laboratories, manganese")
ARUP_MN: Final = Citation("arup-manganese", "ARUP Laboratories, manganese")
PN_MANGANESE_2018: Final = Citation("pn-manganese-2018", "Nutr Clin Pract 2018;33:404")
EFNS_2011: Final = Citation("albanese-2011", "Albanese 2011, Eur J Neurol 18:5 (EFNS)")
RULES: Final = Citation("dystonia-cds-rules", "dystonia-cds clinical rules 1.1")
