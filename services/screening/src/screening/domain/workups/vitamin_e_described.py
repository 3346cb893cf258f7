"""Vitamin E in words, for who signs or loads it. The rule itself is in `vitamin_e`."""

from typing import Final

from screening.domain.catalog import ACTED_ON
from screening.domain.citations import GENEREVIEWS_AVED, RULES, THURNHAM, VITAMIN_E_CHILD, VITAMIN_E_STATUS
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
from screening.domain.workups.vitamin_e import (
    ADULT,
    ADULT_AGE,
    ATAXIA_ONSET,
    CHILD,
    CHOLESTEROL_VERY_LOW,
    EARLY_ONSET,
    LIPID_DAYS,
    LOOK_BACK,
    LOOK_BACK_AT_RISK,
    RATIO_LOW,
    TREATMENT_TAKES_DAYS,
)

_SEVERE, _LOW, _LOW_NORMAL = (band.upper for band in ADULT.bands[:3])
_CHILD_SEVERE, _CHILD_LOW, _CHILD_LOW_NORMAL = (band.upper for band in CHILD.bands[:3])
_LIMITS: Final = (
    f"Alpha-tocopherol is severely low below {_SEVERE}, low below {_LOW}, low-normal below {_LOW_NORMAL}; under"
    f" {ADULT_AGE} of age severely low below {_CHILD_SEVERE}, low below {_CHILD_LOW}, low-normal below"
    f" {_CHILD_LOW_NORMAL}. The ratio alpha-tocopherol / (cholesterol + triglycerides), lipids within {LIPID_DAYS} of"
    f" the sample, is low below {RATIO_LOW}."
)

DESCRIBED: Final = Description(
    title="Vitamin E and ataxia with vitamin E deficiency (AVED)",
    purpose=f"Finds vitamin E deficiency, inherited or from fat malabsorption, before the deficit is permanent. {_LIMITS}",
    trigger=(
        "Looked for (SCREEN) in any movement disorder that is not only drug-induced with fat malabsorption, cholestasis"
        " or a lipoprotein disorder; in ataxia without a recorded cause with onset by"
        f" {ATAXIA_ONSET}; in dystonia without a recorded cause with onset by {EARLY_ONSET}. Result cards go with every"
        " coded movement disorder but drug-induced dystonia alone."
    ),
    cases=(
        Case(
            TREATED,
            "a single-ingredient vitamin E product is active; a low result is covered only if treatment was started on"
            f" or after the sample's day, or the sample was drawn less than {TREATMENT_TAKES_DAYS} after the start",
            "no card",
        ),
        Case(
            ABNORMAL,
            "severely low; or low, unless the ratio is known not to be low and cholesterol is not below"
            f" {CHOLESTEROL_VERY_LOW}; or low-normal with a low ratio",
            "warning: suggests a repeat fasting level with lipids and blood film, TTPA gene test where there is no"
            " malabsorption, neurology and genetics referral; names abetalipoproteinemia when cholesterol is below"
            f" {CHOLESTEROL_VERY_LOW}; never a supplement or a dose. No card for {ACTED_ON} after a confirmatory order or"
            " referral",
        ),
        Case(
            DISCORDANT,
            "adequate, but the ratio is low",
            "info, with cholestasis warning: suggests a repeat fasting level with lipids, with cholestasis a neurology"
            " referral",
        ),
        Case(
            BORDERLINE,
            "low-normal without a ratio; or low with a ratio that is not low and cholesterol not below"
            f" {CHOLESTEROL_VERY_LOW}",
            "info: suggests a fasting lipid panel with a repeat level; no card while these are ordered",
        ),
        Case(ORDER_PENDING, "no usable result, and vitamin E is ordered", "no card"),
        Case(UNREADABLE, "the newest result cannot be read, or spans a limit that matters", "a line in SCREEN"),
        Case(
            STALE,
            f"the newest result is older than {LOOK_BACK} (with malabsorption or cholestasis {LOOK_BACK_AT_RISK})",
            "a line in SCREEN",
        ),
        Case(NO_RESULT, "no result on record", "a line in SCREEN with alpha-tocopherol and lipid panel"),
        Case(
            NORMAL, "adequate and the ratio not known to be low, or low-normal with a ratio that is not low", "no card"
        ),
    ),
    sources=(RULES, VITAMIN_E_STATUS, VITAMIN_E_CHILD, THURNHAM, GENEREVIEWS_AVED),
)
