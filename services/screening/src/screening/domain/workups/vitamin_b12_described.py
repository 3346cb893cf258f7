"""Vitamin B12 in words, for who signs or loads it. The rule itself is in `vitamin_b12`."""

from typing import Final

from screening.domain.citations import (
    BSH_2014,
    EGFR_MMA_2018,
    N2O_PRACTICAL_NEUROLOGY,
    NICE_NG239,
    PREGNANCY_FLOOR,
    RULES,
    STABLER_2013,
)
from screening.domain.description import Case, Description
from screening.domain.findings import (
    ABNORMAL,
    BORDERLINE,
    DISCORDANT,
    NO_RESULT,
    NORMAL,
    ORDER_PENDING,
    STALE,
    TREATED,
    UNREADABLE,
)
from screening.domain.workups.vitamin_b12 import (
    EGFR_NORMAL,
    HOLOTC,
    HOLOTC_IN_PREGNANCY_DAYS,
    HOLOTC_PREFERRED_DAYS,
    HOMOCYSTEINE_RAISED,
    MMA_HIGH,
    MMA_HIGH_AT_ANY_EGFR,
    MMA_UNLIKELY,
    TOTAL_B12,
    TOTAL_B12_IN_PREGNANCY,
)
from screening.domain.workups.vitamin_b12_facts import (
    EXPOSURE_DAYS,
    INJECTION_DAYS,
    LOOK_BACK,
    MACROCYTOSIS,
    METFORMIN_YEARS,
    OLD_AGE,
    PAIRED_DAYS,
    TREATMENT_TAKES_DAYS,
)

_DEFICIENT, _INDETERMINATE = (band.upper for band in TOTAL_B12.bands[:2])
_HOLOTC_DEFICIENT, _HOLOTC_INDETERMINATE = (band.upper for band in HOLOTC.bands[:2])
_PREGNANT_DEFICIENT, _PREGNANT_LOW = (band.upper for band in TOTAL_B12_IN_PREGNANCY.bands[:2])
_MMA_IS_HIGH: Final = (
    f"methylmalonic acid above {MMA_HIGH} with an eGFR of {EGFR_NORMAL} or more (or none on record), or above"
    f" {MMA_HIGH_AT_ANY_EGFR} at any eGFR"
)

DESCRIBED: Final = Description(
    title="Vitamin B12",
    purpose=(
        "Finds vitamin B12 deficiency, a reversible cause of movement disorders, and normal serum levels that do not"
        " exclude it (nitrous oxide, raised methylmalonic acid)."
    ),
    trigger=(
        "Looked for (SCREEN) in every dystonia without a recorded cause, and in chorea, myoclonus or ataxia without"
        " dystonia; in any other movement disorder with a strong risk: nitrous oxide, gastric, ileal or bariatric"
        " surgery, pernicious anemia, malabsorption, vegan anemia, MCV above"
        f" {MACROCYTOSIS}, metformin for {METFORMIN_YEARS} or more, or two weak risks (metformin, acid suppression,"
        f" antiepileptic, colchicine, neomycin, age of {OLD_AGE} or more). Result cards go with every coded movement"
        " disorder."
    ),
    cases=(
        Case(
            TREATED,
            f"a single-ingredient vitamin B12 product is active, or an injection was given in the last {INJECTION_DAYS};"
            " a low result is covered only if treatment was started or given on or after the sample's day, or the"
            f" sample was drawn less than {TREATMENT_TAKES_DAYS} after the start; an unknown start covers none",
            "no card",
        ),
        Case(
            ABNORMAL,
            f"total vitamin B12 below {_DEFICIENT} (in pregnancy below {_PREGNANT_DEFICIENT}), or holotranscobalamin"
            f" below {_HOLOTC_DEFICIENT}; or an indeterminate level (in pregnancy also one below {_PREGNANT_LOW}) with"
            f" high methylmalonic acid: {_MMA_IS_HIGH}. The newer of both analytes decides; holotranscobalamin if both"
            f" were drawn within {HOLOTC_PREFERRED_DAYS}, and in pregnancy if it is at most {HOLOTC_IN_PREGNANCY_DAYS}"
            " old",
            "warning: prompt parenteral vitamin B12, not waiting for confirmation; suggests methylmalonic acid,"
            " homocysteine, creatinine, blood count, intrinsic factor antibody and a neurology referral; never folic"
            " acid, a drug or a dose",
        ),
        Case(
            DISCORDANT,
            f"vitamin B12 above {_INDETERMINATE} (holotranscobalamin above {_HOLOTC_INDETERMINATE}) with high"
            f" methylmalonic acid drawn within {PAIRED_DAYS} of it; or nitrous oxide (at most {EXPOSURE_DAYS} ago) and"
            " no methylmalonic acid or homocysteine since; or a raised one of both since nitrous oxide (homocysteine"
            f" above {HOMOCYSTEINE_RAISED})",
            "info, after nitrous oxide warning: suggests methylmalonic acid, homocysteine and creatinine, with nitrous"
            " oxide a neurology referral; no card while methylmalonic acid or homocysteine is ordered",
        ),
        Case(
            BORDERLINE,
            f"total vitamin B12 from {_DEFICIENT} to {_INDETERMINATE}, or holotranscobalamin from {_HOLOTC_DEFICIENT}"
            f" to {_HOLOTC_INDETERMINATE}, both ends included, and no methylmalonic acid that resolves it (up to"
            f" {MMA_UNLIKELY}, or high); in pregnancy a total vitamin B12 from {_PREGNANT_DEFICIENT}, too",
            "info, after nitrous oxide warning: suggests methylmalonic acid, homocysteine, creatinine and folate; with"
            " indeterminate methylmalonic acid holotranscobalamin and urine methylmalonic acid, and a decision on a"
            " treatment trial; no card while the resolving test is ordered",
        ),
        Case(ORDER_PENDING, "no usable result, and vitamin B12 or holotranscobalamin is ordered", "no card"),
        Case(UNREADABLE, "the newest result cannot be read or spans a limit", "a line in SCREEN"),
        Case(STALE, f"the newest result is older than {LOOK_BACK}, or than a new strong risk", "a line in SCREEN"),
        Case(
            NO_RESULT,
            f"no result in {LOOK_BACK}",
            "a line in SCREEN with total vitamin B12 and blood count (in pregnancy holotranscobalamin), with a strong"
            " risk also methylmalonic acid, homocysteine and creatinine",
        ),
        Case(
            NORMAL,
            f"vitamin B12 above {_INDETERMINATE} (holotranscobalamin above {_HOLOTC_INDETERMINATE}) without a contrary"
            f" marker, or an indeterminate one with methylmalonic acid up to {MMA_UNLIKELY}",
            "no card",
        ),
    ),
    sources=(
        RULES, NICE_NG239, BSH_2014, STABLER_2013, N2O_PRACTICAL_NEUROLOGY, EGFR_MMA_2018, PREGNANCY_FLOOR,
    ),
)  # fmt: skip
