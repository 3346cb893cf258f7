"""Manganese in words, for who signs or loads it. The rule itself is in `manganese`."""

from typing import Final

from screening.domain.catalog import ACTED_ON
from screening.domain.citations import ARUP_MN, GENEREVIEWS_HMNDYT1, MAYO_MN, RULES
from screening.domain.description import Case, Description
from screening.domain.findings import (
    ABNORMAL,
    BORDERLINE,
    KNOWN_DX,
    NO_RESULT,
    NORMAL,
    ORDER_PENDING,
    STALE,
    UNREADABLE,
    WRONG_SPECIMEN,
)
from screening.domain.workups.manganese import (
    CHILDHOOD_ONSET,
    HIGH,
    LOOK_BACK,
    LOOK_BACK_ON_PN,
    RAISED,
    REPEAT_DAYS,
    SERUM_NORMAL,
    UPPER_NORMAL,
)
from screening.domain.workups.manganese_facts import HEMOGLOBIN_HIGH_FEMALE, HEMOGLOBIN_HIGH_MALE

_EFFECTS: Final = (
    "T1 pallidal hyperintensity, or polycythemia other than polycythemia vera (coded, or hemoglobin above"
    f" {HEMOGLOBIN_HIGH_MALE}, women {HEMOGLOBIN_HIGH_FEMALE})"
)

DESCRIBED: Final = Description(
    title="Manganese",
    purpose=(
        "Finds manganese excess, inherited or acquired, in whole blood. The upper limit of normal is the laboratory's"
        f" own, else {UPPER_NORMAL}."
    ),
    trigger=(
        "Looked for (SCREEN) in dystonia or parkinsonism with a manganese risk: parenteral nutrition, chronic liver"
        " disease or shunt, cholestasis, suspected manganese poisoning, exposure at work (welding, smelting, batteries),"
        f" ephedrone, {_EFFECTS}; and in generalized, segmental or unspecified dystonia without a recorded cause"
        f" with onset by {CHILDHOOD_ONSET}. Result cards go with every coded movement disorder but drug-induced"
        " dystonia alone."
    ),
    cases=(
        Case(KNOWN_DX, "a manganese disorder is recorded and confirmed", "no card; SCREEN is suppressed"),
        Case(
            ABNORMAL,
            f"whole-blood manganese above {HIGH}; or above {RAISED} with parenteral nutrition, cirrhosis,"
            f" cholestasis or portosystemic shunt, {_EFFECTS}; or above {RAISED} in two samples at least {REPEAT_DAYS}"
            " apart",
            "warning: find and stop the source; suggests a repeat in a metal-free tube, ferritin, iron, blood count,"
            " liver panel, MRI brain, SLC30A10 and SLC39A14 gene tests where no source is on record, neurology and"
            f" genetics referral; never chelation, edetate or iron. No card for {ACTED_ON} after a confirmatory order or"
            " referral",
        ),
        Case(
            BORDERLINE,
            "whole-blood manganese above the upper limit of normal and not ABNORMAL; or, without a whole-blood result,"
            f" serum manganese above {SERUM_NORMAL}",
            "info: suggests ferritin and a repeat in whole blood; no card while whole-blood manganese is ordered",
        ),
        Case(ORDER_PENDING, "no usable result, and whole-blood manganese is ordered", "no card"),
        Case(UNREADABLE, "the newest result cannot be read or spans a limit", "a line in SCREEN"),
        Case(
            WRONG_SPECIMEN,
            f"only serum or plasma was measured, and it is not above {SERUM_NORMAL}",
            "a line in SCREEN: serum does not exclude an excess",
        ),
        Case(
            STALE,
            f"the newest result is older than {LOOK_BACK} (on parenteral nutrition {LOOK_BACK_ON_PN})",
            "a line in SCREEN",
        ),
        Case(NO_RESULT, "no result on record", "a line in SCREEN with whole-blood manganese, ferritin and blood count"),
        Case(NORMAL, "whole-blood manganese up to the upper limit of normal", "no card"),
    ),
    sources=(RULES, MAYO_MN, ARUP_MN, GENEREVIEWS_HMNDYT1),
)
