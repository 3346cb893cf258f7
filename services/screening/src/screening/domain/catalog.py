"""What we may suggest: laboratory tests, imaging and referrals. Never a drug, a dose or a supplement.

Every entry is one ServiceRequest code with the note that the laboratory or the patient needs, and says which
codes count as the same request already made. Source: clinical rules, 1.0.8 "Draft ServiceRequests per module"
and section 6, 28 and 29.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from screening.domain.chart import GENETIC_ORDER_DAYS, ORDER_DAYS, Chart, Order
from screening.domain.codes import LOINC, SNOMED
from screening.domain.thresholds import days

GENE_ID_SYSTEM: Final = "http://www.genenames.org/geneId"
ACTED_ON: Final = days("orders.acted-on", 14, "a confirmatory order or a referral holds a result card back this long")
REFERRAL_SETS: Final = ("REF_NEUROLOGY", "REF_GENETICS", "REF_GASTROENTEROLOGY")
"""Referrals that mean somebody has acted (1.0.5)."""
_PANELS: Final = ("L_PANELS", "L_CBC", "L_IMG")
"""Sets of panels and examinations that hold more than the test that is wanted."""


@dataclass(frozen=True, slots=True)
class Orderable:
    """Something to order.

    Attributes:
        code: one LOINC or SNOMED CT code, as it goes into `ServiceRequest.code`.
        label: its name on the card.
        note: specimen or timing instruction.
        same_as: sets whose codes are the same request: if one is drafted or pending, this is not suggested.
        current: analytes, look-back in days and the id of the threshold that this is the default of (the workups
            hold it): with a readable result of each it is not suggested, unless a repeat is wanted.
        gene: HGNC id of the gene to test, for genetic tests.
        repeat: suggest it although a current result exists.
        also: further codes of the very same test, which nobody suggests.
        priority: FHIR request priority, `stat` or `urgent`; empty for routine.
    """

    system: str
    code: str
    display: str
    label: str
    note: str = ""
    same_as: tuple[str, ...] = ()
    current: tuple[tuple[str, ...], int, str] | None = None
    gene: str = ""
    repeat: bool = False
    priority: str = ""
    also: tuple[str, ...] = ()

    @property
    def referral(self) -> bool:
        """A referral, not a test."""
        return self.display.startswith("Referral")

    def again(self) -> "Orderable":
        """The same, to be repeated although a result is on record."""
        return replace(self, repeat=True)

    def at(self, priority: str) -> "Orderable":
        """The same with a priority, to be done although a result is on record."""
        return replace(self, repeat=True, priority=priority)


def _lab(
    code: str,
    display: str,
    label: str,
    *same_as: str,
    note: str = "",
    current: tuple[tuple[str, ...], int, str] | None = None,
) -> Orderable:
    return Orderable(LOINC, code, display, label, note, same_as, current)


def _gene(symbol: str, hgnc: str) -> Orderable:
    return Orderable(
        SNOMED,
        "405825005",
        "Molecular genetic test (procedure)",
        f"{symbol} gene test",
        note=f"Gene: {symbol} ({hgnc}). Arrange through clinical genetics.",
        gene=hgnc,
    )


_BEFORE_B12: Final = "Draw before any vitamin B12 or folic acid is given; stop high-dose biotin 72 hours before."
_METAL_FREE: Final = (
    "Royal-blue metal-free EDTA tube; not within 96 hours after gadolinium or iodinated contrast medium."
)
_FASTING: Final = "Fasting 12 hours, protect from light, same draw as the lipid panel."

TOTAL_B12: Final = _lab(
    "2132-9",
    "Vit B12 Ser-mCnc",
    "vitamin B12",
    "L_B12",
    note=_BEFORE_B12,
    current=(("B12",), 365, "vitamin-b12.look-back"),
)
HOLOTC: Final = _lab(
    "72160-5",
    "Holo-transcobalamin II [Moles/volume] in Serum",
    "holotranscobalamin (if available)",
    "L_HOLOTC",
    note=_BEFORE_B12,
    current=(("HOLOTC",), 365, "vitamin-b12.look-back"),
)
CBC: Final = _lab(
    "58410-2",
    "CBC panel - Blood by Automated count",
    "complete blood count",
    "L_CBC",
    current=(("HGB", "MCV"), 365, "vitamin-b12.macrocytosis-look-back"),
)
CBC_FILM: Final = replace(CBC, label="complete blood count with film", note="With blood film (acanthocytes?).")
MMA: Final = _lab(
    "13964-2",
    "Methylmalonate SerPl-sCnc",
    "methylmalonic acid",
    "L_MMA",
    note=_BEFORE_B12,
    current=(("MMA",), 90, "vitamin-b12.paired"),
)
MMA_URINE: Final = _lab("25116-5", "Methylmalonate/Creat Ur-sRto", "urine methylmalonic acid/creatinine", "L_MMAU")
HOMOCYSTEINE: Final = _lab(
    "13965-9",
    "Homocysteine SerPl-sCnc",
    "homocysteine",
    "L_HCY",
    note="Keep on ice. " + _BEFORE_B12,
    current=(("HCY",), 90, "vitamin-b12.paired"),
)
CREATININE: Final = _lab(
    "2160-0",
    "Creatinine [Mass/volume] in Serum or Plasma",
    "creatinine with eGFR",
    "L_RENAL",
    "L_PANELS_RENAL",
    current=(("EGFR",), 90, "vitamin-b12.paired"),
)
FOLATE: Final = _lab(
    "2284-8", "Folate SerPl-mCnc", "folate", "L_FOLATE", current=(("FOLATE",), 90, "vitamin-b12.paired")
)
INTRINSIC_FACTOR_ANTIBODY: Final = _lab(
    "30530-0", "IF Ab Ser Ql", "intrinsic factor antibody", "L_IFAB", note="Before or apart from a B12 injection."
)

ALPHA_TOCOPHEROL: Final = _lab(
    "1823-4",
    "A-Tocopherol Vit E SerPl-mCnc",
    "vitamin E (alpha-tocopherol)",
    "L_VE",
    note=_FASTING,
    current=(("VE",), 730, "vitamin-e.look-back"),
)
LIPID_PANEL: Final = _lab(
    "24331-1",
    "Lipid 1996 Pnl SerPl",
    "fasting lipid panel",
    "L_LIPIDPANEL",
    note="Fasting 12 hours, same draw as vitamin E.",
    current=(("CHOL", "TG"), 30, "vitamin-e.lipids"),
)
INR: Final = _lab("6301-6", "INR in Platelet poor plasma by Coagulation assay", "INR", "L_INR")

MANGANESE_BLOOD: Final = _lab(
    "5681-2",
    "Manganese Bld-mCnc",
    "whole-blood manganese",
    "L_MNB",
    note=_METAL_FREE,
    current=(("MN_BLOOD",), 365, "manganese.look-back"),
)
FERRITIN: Final = _lab(
    "2276-4", "Ferritin SerPl-mCnc", "ferritin", "L_FERR", current=(("FERRITIN",), 730, "iron-nbia.look-back")
)
IRON_PANEL: Final = _lab("50190-8", "Iron+TIBC Pnl SerPl", "iron and TIBC", "L_IRONPANEL")
LIVER_PANEL: Final = _lab("24325-3", "Hep Func 2000 Pnl SerPl", "liver panel", "L_PANELS_LIVER")
MRI_BRAIN: Final = Orderable(
    LOINC, "30657-1", "MR Brain WO contrast", "MRI brain without contrast", "Include T1: pallidal signal?", ("L_IMG",)
)

MRI_IRON: Final = replace(
    MRI_BRAIN,
    label="MRI brain without contrast, with SWI",
    note="Include SWI or T2* (iron-sensitive sequences), and T1; no contrast needed.",
)
CRP: Final = _lab("1988-5", "CRP SerPl-mCnc", "CRP", "L_CRP")
"""No look-back is given for it: it belongs to the ferritin that it explains."""

_NO_TOURNIQUET: Final = "No prolonged tourniquet."
METABOLIC_PANEL: Final = _lab(
    "24323-8",
    "Comprehensive metabolic 2000 panel - Serum or Plasma",
    "calcium and albumin (comprehensive metabolic panel)",
    note=_NO_TOURNIQUET,
    current=(("CA", "ALBUMIN"), 183, "calcium-vitamin-d.look-back"),
)
MAGNESIUM: Final = _lab(
    "19123-9",
    "Magnesium SerPl-mCnc",
    "magnesium",
    "L_MG",
    note=_NO_TOURNIQUET,
    current=(("MG",), 183, "calcium-vitamin-d.look-back"),
)
CALCIUM_IONIZED: Final = _lab(
    "1995-0",
    "Ca-I SerPl-sCnc",
    "ionized calcium",
    "L_CAI",
    note=_NO_TOURNIQUET,
    current=(("CA_IONIZED",), 183, "calcium-vitamin-d.look-back"),
)
PTH: Final = _lab(
    "2731-8", "PTH-Intact SerPl-mCnc", "PTH", "L_PTH", current=(("PTH",), 183, "calcium-vitamin-d.companions")
)
PHOSPHATE: Final = _lab("2777-1", "Phosphate SerPl-mCnc", "phosphate", "L_PHOS")
VITAMIN_D: Final = _lab(
    "62292-8",
    "25(OH)D SerPl-mCnc",
    "25-hydroxyvitamin D",
    "L_VITD",
    current=(("VITD",), 183, "calcium-vitamin-d.companions"),
)
ECG: Final = Orderable(SNOMED, "164847006", "Standard electrocardiogram (procedure)", "electrocardiogram (QT interval)")

_METAL_FREE_URINE: Final = "Metal-free 24-hour container; complete collection."
CERULOPLASMIN: Final = _lab(
    "2064-4",
    "Ceruloplasmin SerPl-mCnc",
    "ceruloplasmin",
    "L_CP",
    current=(("CP",), 3650, "copper-wilson.ceruloplasmin-look-back"),
)
COPPER_URINE: Final = _lab(
    "5633-3",
    "Copper 24H Ur-mRate",
    "24-hour urine copper",
    "L_CUU24",
    note=_METAL_FREE_URINE,
    current=(("CU_URINE",), 1825, "copper-wilson.urine-look-back"),
)
COPPER_SERUM: Final = _lab("5631-7", "Copper SerPl-mCnc", "serum copper", "L_CUS", note="Metal-free tube.")
ZINC: Final = _lab("5763-8", "Zinc SerPl-mCnc", "serum zinc", "L_ZN", note="Metal-free tube.")
INR_FOR_LIVER: Final = replace(INR, current=(("INR",), 30, "copper-wilson.inr-look-back"))
SLIT_LAMP: Final = Orderable(
    SNOMED,
    "55468007",
    "Ocular slit lamp examination (procedure)",
    "slit-lamp examination (Kayser-Fleischer ring)",
    "Kayser-Fleischer ring? Its absence does not exclude Wilson disease.",
    ("P_SLIT_LAMP", "REF_OPHTHALMOLOGY"),
)
OPHTHALMOLOGY: Final = Orderable(
    SNOMED,
    "308479007",
    "Referral to ophthalmologist (procedure)",
    "referral to ophthalmology (retina)",
    same_as=("REF_OPHTHALMOLOGY",),
)

NEUROLOGY: Final = Orderable(
    SNOMED,
    "183521007",
    "Referral to neurology service (procedure)",
    "referral to neurology",
    same_as=("REF_NEUROLOGY",),
)
GENETICS: Final = Orderable(
    SNOMED,
    "306279004",
    "Referral to clinical geneticist (procedure)",
    "referral to clinical genetics",
    same_as=("REF_GENETICS",),
)
GASTROENTEROLOGY: Final = Orderable(
    SNOMED,
    "183523005",
    "Referral to gastroenterology service (procedure)",
    "referral to gastroenterology (hepatology)",
    note="Hepatology: Wilson disease?",
    same_as=("REF_GASTROENTEROLOGY",),
)

TTPA: Final = _gene("TTPA", "HGNC:12404")
SLC30A10: Final = _gene("SLC30A10", "HGNC:25355")
SLC39A14: Final = _gene("SLC39A14", "HGNC:20858")
ATP7B: Final = replace(_gene("ATP7B", "HGNC:870"), also=("21626-7", "51756-5"))
CERULOPLASMIN_GENE: Final = _gene("CP", "HGNC:2295")


def requested(chart: Chart, test: Orderable) -> bool:
    """Whether the same is already drafted or pending."""
    if test.gene:
        same_test = {test.code, *test.also}
        return any(_same_gene(test, o) for o in chart.open_orders(GENETIC_ORDER_DAYS)) or any(
            same_test & d.codes for d in chart.drafts
        )
    same = test.same_as
    return (
        any(test.code in draft.codes for draft in chart.drafts)
        or any(test.code in order.codes for order in chart.open_orders(ORDER_DAYS))
        or (bool(same) and (chart.drafted_in(*same) or chart.pending_in(*same)))
    )


def _same_gene(test: Orderable, order: Order) -> bool:
    """Whether an order is this genetic test: by its own code, or by the code of all, for this gene or an unnamed one."""
    if not order.codes.isdisjoint(test.also):
        return True
    return test.code in order.codes and (not order.genes or test.gene in order.genes)


def current(chart: Chart, test: Orderable) -> bool:
    """Whether every analyte of the test has a readable result within its look-back."""
    if test.current is None:
        return False
    analytes, look_back, threshold = test.current
    if chart.site_values and (own := chart.site_values.get(threshold)) is not None and isinstance(own.value, int):
        look_back = own.value
    return all(chart.newest(analyte, look_back) is not None for analyte in analytes)


def still_wanted(chart: Chart, tests: Iterable[Orderable]) -> tuple[Orderable, ...]:
    """The tests that are neither drafted nor pending nor (unless a repeat is wanted) current, each once."""
    wanted = {
        (test.code, test.gene): test
        for test in tests
        if not requested(chart, test) and (test.repeat or not current(chart, test))
    }
    return tuple(wanted.values())


def acted_on_words(chart: Chart) -> str:
    """Why a card is held back after `acted_on`."""
    return f"a confirmatory order or referral was made in the last {chart.of(ACTED_ON)} days"


def acted_on(chart: Chart, tests: Iterable[Orderable], result_day: date) -> bool:
    """Whether somebody acted on a result of late (`ACTED_ON`): a confirmatory order after it, or a referral.

    A test ordered on the very day of the sample is taken for the order that led to the result. Another panel that
    holds the test makes suggesting it unnecessary, but is no answer to a warning: it may be routine (section 6, 4, 30).
    """
    wanted = tuple(tests)
    codes = {test.code for test in wanted if not test.gene}
    same = {name for test in wanted for name in test.same_as if not name.startswith(_PANELS)}
    for order in chart.open_orders(ACTED_ON):
        if order.status == "draft" or order.authored is None or order.authored < result_day:
            continue
        if not order.sets.isdisjoint(REFERRAL_SETS):
            return True
        by_gene = any(test.gene and _same_gene(test, order) for test in wanted)
        confirmatory = by_gene or not order.codes.isdisjoint(codes) or not order.sets.isdisjoint(same)
        if confirmatory and order.authored > result_day:
            return True
    return False
