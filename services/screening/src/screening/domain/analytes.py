"""The analytes: everything that is read with its value, with its codes, accepted units and plausible range.

Source: clinical rules, 1.0.2 and section 6, 14 and 15.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final

from screening.domain.units import Measure, units


class Abnormal(Enum):
    """Which direction is the more abnormal one: decides between results of the very same time and status."""

    LOW = "low"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Analyte:
    """Something that laboratories measure.

    Attributes:
        key: our short name, e.g. `B12`.
        label: its name in a sentence.
        value_set: the LOINC set that codes it.
        measure: accepted units and plausible range.
        abnormal: the more abnormal direction.
        conflicts: sets that make a coding conflict: a result that is also in one of these is not taken for this.
    """

    key: str
    label: str
    value_set: str
    measure: Measure
    abnormal: Abnormal = Abnormal.LOW
    conflicts: frozenset[str] = frozenset()


def _guard(low: str, high: str) -> tuple[Decimal, Decimal]:
    return Decimal(low), Decimal(high)


B12: Final = Analyte(
    "B12",
    "vitamin B12",
    "L_B12",
    Measure(
        (units("pmol/L"), units("ng/L", {"pg/mL": "1"}, to_canonical="0.7378")),
        plausible=_guard("15", "15000"),
    ),
)
HOLOTC: Final = Analyte("HOLOTC", "holotranscobalamin", "L_HOLOTC", Measure((units("pmol/L"),)))
MMA: Final = Analyte(
    "MMA",
    "methylmalonic acid",
    "L_MMA",
    Measure(
        (
            units("umol/L", {"nmol/L": "0.001", "nmol/mL": "1"}),
            units("ug/L", {"ng/mL": "1"}, to_canonical=str(Decimal(1) / Decimal("118.09"))),
        )
    ),
    Abnormal.HIGH,
)
HOMOCYSTEINE: Final = Analyte(
    "HCY",
    "homocysteine",
    "L_HCY",
    Measure((units("umol/L", {"nmol/mL": "1"}), units("mg/L", to_canonical="7.397"))),
    Abnormal.HIGH,
    conflicts=frozenset({"L_HCY_TRAP"}),
)
FOLATE: Final = Analyte(
    "FOLATE", "folate", "L_FOLATE", Measure((units("nmol/L"), units("ug/L", {"ng/mL": "1"}, to_canonical="2.266")))
)
EGFR: Final = Analyte("EGFR", "eGFR", "L_EGFR", Measure((units("mL/min/{1.73_m2}"),)))
MCV: Final = Analyte("MCV", "MCV", "L_MCV", Measure((units("fL"),)), Abnormal.HIGH)
HEMOGLOBIN: Final = Analyte(
    "HGB",
    "hemoglobin",
    "L_HGB",
    Measure((units("g/L", {"g/dL": "10"}), units("mmol/L", to_canonical="16.11"))),
    Abnormal.HIGH,
)
ALPHA_TOCOPHEROL: Final = Analyte(
    "VE",
    "vitamin E (alpha-tocopherol)",
    "L_VE",
    Measure(
        (units("umol/L"), units("mg/L", {"ug/mL": "1", "mg/dL": "10"}, to_canonical="2.322")),
        plausible=_guard("0.05", "400"),
    ),
    conflicts=frozenset({"L_VE_TRAP"}),
)
CHOLESTEROL: Final = Analyte(
    "CHOL", "total cholesterol", "L_CHOL", Measure((units("mmol/L"), units("mg/dL", to_canonical="0.02586")))
)
TRIGLYCERIDES: Final = Analyte(
    "TG", "triglycerides", "L_TG", Measure((units("mmol/L"), units("mg/dL", to_canonical="0.01129")))
)
_MANGANESE_FAMILIES: Final = (
    units("nmol/L"),
    units("ug/L", {"ng/mL": "1", "ug/dL": "10"}, to_canonical="18.20"),
)
MANGANESE_BLOOD: Final = Analyte(
    "MN_BLOOD",
    "whole-blood manganese",
    "L_MNB",
    Measure(_MANGANESE_FAMILIES, plausible=_guard("5", "20000")),
    Abnormal.HIGH,
    # Where codings disagree about the specimen, the conservative one (serum) counts; urine and cells never do.
    conflicts=frozenset({"L_MNS", "L_MNU", "L_MNRBC"}),
)
MANGANESE_SERUM: Final = Analyte(
    "MN_SERUM",
    "serum manganese",
    "L_MNS",
    Measure(_MANGANESE_FAMILIES),
    Abnormal.HIGH,
    conflicts=frozenset({"L_MNU", "L_MNRBC"}),
)
FERRITIN: Final = Analyte(
    "FERRITIN",
    "ferritin",
    "L_FERR",
    Measure((units("ug/L", {"ng/mL": "1"}), units("pmol/L", to_canonical="0.445"))),
    Abnormal.HIGH,
)

_CALCIUM_FAMILIES: Final = (
    units("mmol/L"),
    units("mg/dL", to_canonical="0.2495"),
    units("meq/L", to_canonical="0.5"),
)
CALCIUM: Final = Analyte(
    "CA",
    "total calcium",
    "L_CA",
    Measure(_CALCIUM_FAMILIES, plausible=_guard("0.5", "5")),
    conflicts=frozenset({"L_CAADJ", "L_CAI"}),
)
CALCIUM_ADJUSTED: Final = Analyte(
    "CA_ADJUSTED",
    "albumin-adjusted calcium",
    "L_CAADJ",
    Measure(_CALCIUM_FAMILIES, plausible=_guard("0.5", "5")),
    conflicts=frozenset({"L_CAI"}),
)
CALCIUM_IONIZED: Final = Analyte(
    "CA_IONIZED",
    "ionized calcium",
    "L_CAI",
    Measure(_CALCIUM_FAMILIES, plausible=_guard("0.5", "5")),
    conflicts=frozenset({"L_CA", "L_CAADJ"}),
)
ALBUMIN: Final = Analyte(
    "ALBUMIN",
    "albumin",
    "L_ALB",
    Measure((units("g/L", {"g/dL": "10"}), units("umol/L", to_canonical="0.0665")), plausible=_guard("5", "70")),
)
MAGNESIUM: Final = Analyte(
    "MG",
    "magnesium",
    "L_MG",
    Measure(
        (units("mmol/L"), units("mg/dL", to_canonical="0.4114"), units("meq/L", to_canonical="0.5")),
        plausible=_guard("0.1", "5"),
    ),
)
PTH: Final = Analyte(
    "PTH", "PTH", "L_PTH", Measure((units("pmol/L"), units("ng/L", {"pg/mL": "1"}, to_canonical="0.1061")))
)
VITAMIN_D: Final = Analyte(
    "VITD",
    "25-hydroxyvitamin D",
    "L_VITD",
    Measure((units("nmol/L"), units("ug/L", {"ng/mL": "1"}, to_canonical="2.496"))),
    conflicts=frozenset({"L_VITD_TRAP"}),
)
CERULOPLASMIN: Final = Analyte(
    "CP",
    "ceruloplasmin",
    "L_CP",
    Measure((units("g/L", {"mg/dL": "0.01", "mg/L": "0.001"}),), plausible=_guard("0", "2.5")),
    conflicts=frozenset({"L_CP_TRAP"}),
)
COPPER_URINE: Final = Analyte(
    "CU_URINE",
    "24-hour urine copper",
    "L_CUU24",
    Measure((units("umol/(24.h)", {"nmol/(24.h)": "0.001"}), units("ug/(24.h)", to_canonical="0.01574"))),
    Abnormal.HIGH,
    conflicts=frozenset({"L_CUU_TRAP"}),
)
COPPER_SERUM: Final = Analyte(
    "CU_SERUM",
    "serum copper",
    "L_CUS",
    Measure((units("umol/L"), units("ug/dL", {"ug/L": "0.1"}, to_canonical="0.1574"))),
    conflicts=frozenset({"L_CUU_TRAP"}),
)
INR: Final = Analyte("INR", "INR", "L_INR", Measure((units("1", {"": "1"}),)), Abnormal.HIGH)
IRON: Final = Analyte(
    "IRON",
    "serum iron",
    "L_IRON",
    Measure((units("umol/L"), units("ug/dL", {"ug/L": "0.1", "mg/L": "100"}, to_canonical="0.1791"))),
)
TRANSFERRIN_SATURATION: Final = Analyte(
    "TSAT", "transferrin saturation", "L_TSAT", Measure((units("%", {"1": "100", "{ratio}": "100"}),))
)

ANALYTES: Final[tuple[Analyte, ...]] = (
    B12, HOLOTC, MMA, HOMOCYSTEINE, FOLATE, EGFR, MCV, HEMOGLOBIN,
    ALPHA_TOCOPHEROL, CHOLESTEROL, TRIGLYCERIDES, MANGANESE_BLOOD, MANGANESE_SERUM, FERRITIN,
    CALCIUM, CALCIUM_ADJUSTED, CALCIUM_IONIZED, ALBUMIN, MAGNESIUM, PTH, VITAMIN_D,
    CERULOPLASMIN, COPPER_URINE, COPPER_SERUM, INR, IRON, TRANSFERRIN_SATURATION,
)  # fmt: skip
"""Every analyte that is read with its value."""
