"""The timeline: where results, bands and look-backs stand, and that no drawing says anything else than the rules."""

import dataclasses
from datetime import date
from decimal import Decimal
from typing import Any

import drawings
import pytest
from drawings import Drawing, chart, day, series
from hypothesis import given, settings
from hypothesis import strategies as st

from screening.domain import analytes
from screening.domain.labs import Scale, Value
from screening.domain.thresholds import SiteValue, Threshold
from screening.domain.units import limit
from screening.domain.workups import calcium_vitamin_d_facts as calcium
from screening.domain.workups import (
    ceruloplasmin,
    copper_wilson_facts,
    iron_nbia,
    iron_nbia_facts,
    manganese,
    vitamin_b12,
    vitamin_b12_facts,
    vitamin_e,
)
from screening.pages import timeline, timeline_html, timeline_svg
from screening.pages.timeline import Series

B12 = {"code": "2132-9", "u": "ng/L"}


def test_results_stand_where_they_belong() -> None:
    of = chart(labs=[{**B12, "v": 100, "ago": 0}, {**B12, "v": 300, "ago": 100}])
    drawn = drawings.drawings(series("b12", of))["ng/L"]
    # Days: from 380 days ago (365 and 4 % of these) to 15 days ahead, 395 in all; 13 % to 98.5 % of the width.
    newest, older = drawn.marks[1], drawn.marks[0]
    assert newest.x == pytest.approx(13 + 85.5 * 380 / 395, abs=0.01)
    assert older.x == pytest.approx(13 + 85.5 * 280 / 395, abs=0.01)
    assert drawn.since == pytest.approx(13 + 85.5 * 15 / 395, abs=0.01)
    # Numbers: 180 and 350 span 170; 0.7 of that below, 0.35 above, and 6 % of all at each end: 40.09 to 430.41.
    # 190 pixels for 390.32 ng/L, up from 222.
    assert newest.y == pytest.approx(222 - 190 * (100 - 40.09) / 390.32, abs=0.01)
    assert older.y == pytest.approx(222 - 190 * (300 - 40.09) / 390.32, abs=0.01)
    assert drawn.limits == pytest.approx(
        [222 - 190 * (180 - 40.09) / 390.32, 222 - 190 * (350 - 40.09) / 390.32], abs=0.01
    )
    assert [zone.tone for zone in drawn.zones] == ["tl-stop", "tl-warn", "tl-good"]
    assert drawn.texts["tl-number"] == ["180", "350"]
    assert drawn.texts["tl-name"] == ["deficient", "indeterminate", "unlikely"]
    assert (newest.kind, older.kind) == ("tl-decides", "tl-counts")


def test_what_decides_is_what_the_screening_says() -> None:
    of = chart(labs=[{**B12, "v": v, "ago": ago} for ago, v in ((5, 400), (200, 150), (366, 120))])
    points = series("b12", of).points
    assert [point.counts for point in points] == ["decides", "in the look-back", "older"]
    assert [point.bands for point in points] == [("unlikely",), ("deficient",), ("deficient",)]
    assert points[1].criterion == "deficient: below 180 ng/L / 133 pmol/L"
    assert points[0].printed == "400 ng/L"


def test_a_result_from_before_an_operation_is_set_aside_and_the_operation_is_drawn() -> None:
    bypass = [{"code": "430715008", "ago": 205}]
    one = series("b12", chart(procs=bypass, labs=[{**B12, "v": 430, "ago": 300}, {**B12, "v": 465, "ago": 690}]))
    assert [point.counts for point in one.points] == ["set aside", "older"]
    assert [(event.day.isoformat(), event.label) for event in one.events] == [
        (day(205), "Bariatric operative procedure")
    ]
    drawn = drawings.drawings(one)["ng/L"]
    assert drawn.texts["tl-event-name"] == ["Bariatric operative procedure"]
    assert drawn.marks[1].kind == "tl-other"


def test_a_comparator_is_open_to_one_side_and_never_in_a_band_by_guess() -> None:
    of = chart(labs=[{**B12, "v": 150, "cmp": "<", "ago": 3}, {**B12, "v": 200, "cmp": "<", "ago": 40}])
    one = series("b12", of)
    assert [point.bands for point in one.points] == [("deficient",), ("deficient", "indeterminate")]
    assert one.points[1].counts == "spans a limit"
    for drawn in drawings.drawings(one).values():
        spanning, newest = drawn.marks
        assert newest.opens == pytest.approx(222 - newest.y, abs=0.02)
        assert spanning.kind == "tl-other"
    above = drawings.drawings(series("b12", chart(labs=[{**B12, "v": 2000, "cmp": ">", "ago": 3}])))["ng/L"]
    assert above.marks[0].opens == pytest.approx(32 - above.marks[0].y, abs=0.02)
    assert above.texts["tl-label"] == ["> 2000"]


def test_a_value_far_away_is_drawn_on_a_logarithmic_scale_and_stays_in_its_band() -> None:
    of = chart(labs=[{**B12, "v": 18000, "ago": 3}, {**B12, "v": 90, "ago": 40}])
    for unit, drawn in drawings.drawings(series("b12", of)).items():
        assert drawn.texts["tl-unit"] == [f"{unit}, log"]
        low, high = drawn.marks
        assert drawn.zones[0].top <= low.y <= drawn.zones[0].bottom
        assert drawn.zones[2].top <= high.y <= drawn.zones[2].bottom
        assert drawn.limits[0] - drawn.limits[1] > 10


def test_results_that_cannot_be_read_are_marked_and_listed() -> None:
    of = chart(
        labs=[
            {**B12, "v": 300, "ago": 3},
            {"code": "2132-9", "v": 210, "ago": 40},
            {"code": "2064-4", "vs": "see comment", "ago": 3},
        ]
    )
    found = timeline.of_chart(of)
    assert [(one.day.isoformat(), one.label, one.printed, one.why) for one in found.not_read] == [
        (day(3), "Ceruloplasmin", "", "no number with a unit"),
        (day(40), "Vitamin B12", "210", "unit missing"),
    ]
    (drawn, *_) = drawings.drawings(series("b12", of)).values()
    assert [mark.words for mark in drawn.marks if mark.kind == "tl-unread"] == [
        f"{day(40)}, 210: cannot be read, unit missing"
    ]


def test_calcium_is_drawn_as_the_rules_compare_it() -> None:
    of = chart(
        labs=[
            {"code": "17861-6", "v": 8.0, "u": "mg/dL", "ago": 5},
            {"code": "1751-7", "v": 2.0, "u": "g/dL", "ago": 5},
        ]
    )
    (point,) = series("calcium", of).points
    assert point.printed == "9.6 mg/dL, from total 8.0 mg/dL and albumin 2.0 g/dL"  # 8.0 + 0.8 x (4.0 - 2.0)
    assert point.bands == ("normal",)
    by_itself = series("calcium", chart(labs=[{"code": "17861-6", "v": 8.5, "u": "mg/dL", "ago": 5}]))
    (alone,) = by_itself.points
    for drawn in drawings.drawings(by_itself).values():  # by its number it stands in the near-normal zone
        assert drawn.zones[2].top <= drawn.marks[0].y <= drawn.zones[2].bottom
    assert alone.printed == "total 8.5 mg/dL, no albumin near"
    assert alone.bands == ("low",)  # near-normal by number; without an albumin it may be low


def test_the_ratio_to_the_lipids_is_drawn_as_the_workup_makes_it() -> None:
    lipids = [
        {"code": code, "v": v, "u": "mmol/L", "ago": ago}
        for ago, pair in ((10, (9, 3.5)), (400, (5, 1)))
        for code, v in zip(("14647-2", "14927-8"), pair, strict=True)
    ]
    labs = [{"code": "14590-4", "v": 18, "u": "umol/L", "ago": ago} for ago in (10, 400, 800)]
    points = series("vitamin-e-lipid-ratio", chart(labs=[*labs, *lipids])).points
    # 18 / (9 + 3.5) = 1.44 and 18 / (5 + 1) = 3; no lipids belong to the oldest
    assert [(p.printed, p.bands, p.counts) for p in points] == [
        ("1.44 umol/mmol", ("low",), "decides"),
        ("3 umol/mmol", ("not low",), "in the look-back"),
    ]
    assert points[0].criterion == "low: below 1.6 umol/mmol"


def test_the_bands_change_on_the_day_of_coming_of_age() -> None:
    labs = [{"code": "1823-4", "v": 3.0, "u": "mg/L", "ago": ago} for ago in (10, 700)]
    of = chart(age=19, labs=labs)  # 18 since 547 or 548 days
    one = series("vitamin-e", of)
    assert [point.bands for point in one.points] == [("low",), ("low",)]
    assert [segment.scale.id for segment in one.segments] == ["vitamin-e.child", "vitamin-e.adult"]
    assert one.segments[1].start == of.birthday(18) == one.segments[0].end
    drawn = drawings.drawings(one)["mg/L"]
    assert drawn.texts["tl-number"] == ["1.7", "3.8", "5", "7"]
    assert [name for name in drawn.texts["tl-name"] if name.startswith("severely low")] == ["severely low"]


def test_the_laboratorys_own_range_of_manganese_is_drawn_in_both_units() -> None:
    labs = [{"code": "5681-2", "v": 16, "u": "ug/L", "rr": [4, 15], "ago": 9}]
    one = series("manganese-blood", chart(labs=labs))
    assert one.points[0].bands == ("mildly high",)
    assert drawings.drawings(one)["ug/L"].texts["tl-number"] == ["15", "22.5", "30"]
    assert drawings.drawings(one)["nmol/L"].texts["tl-number"] == ["273", "409.5", "546"]  # 15 x 18.20


def test_a_sites_own_limit_is_drawn() -> None:
    threshold = vitamin_b12.TOTAL_B12.thresholds()[0]
    own = SiteValue(threshold, limit("200 ng/L", "148 pmol/L"), "Example Approver", date(2026, 11, 1), "assay", "3")
    of = chart(labs=[{**B12, "v": 190, "ago": 9}])
    assert series("b12", of).points[0].bands == ("indeterminate",)
    one = series("b12", dataclasses.replace(of, site_values={threshold.id: own}))
    assert one.points[0].bands == ("deficient",)
    assert [drawn.texts["tl-number"][0] for drawn in drawings.drawings(one).values()] == ["148", "200"]


def test_the_most_telling_result_comes_first() -> None:
    labs = [{**B12, "v": 600, "ago": 9}, {"code": "2064-4", "v": 6, "u": "mg/dL", "ago": 9}]
    assert [one.id for one in timeline.of_chart(chart(labs=labs)).series] == ["ceruloplasmin", "b12"]
    gas = [{"code": "G24.9", "onsetAge": 49}, {"code": "F18.10"}]  # the card is about a normal B12
    assert [one.id for one in timeline.of_chart(chart(labs=labs[:1], conditions=gas)).series] == ["b12"]
    labs[1]["v"] = 27
    assert next(iter(timeline.of_chart(chart(labs=labs[::-1], conditions=gas)).series)).id == "b12"


# --- every value in the band that the domain gives it ---

READ: dict[str, tuple[str, tuple[str, ...], Scale | Threshold[Any]]] = {
    "b12": ("2132-9", ("ng/L", "pmol/L", "pg/mL"), vitamin_b12.TOTAL_B12),
    "holotc": ("72160-5", ("pmol/L",), vitamin_b12.HOLOTC),
    "mma": ("13964-2", ("umol/L", "nmol/L", "ug/L"), vitamin_b12.MMA_UNLIKELY),
    "homocysteine": ("13965-9", ("umol/L",), vitamin_b12.HOMOCYSTEINE_RAISED),
    "egfr": ("98979-8", ("mL/min/{1.73_m2}",), vitamin_b12.EGFR_NORMAL),
    "mcv": ("787-2", ("fL",), vitamin_b12_facts.MACROCYTOSIS),
    "calcium-ionized": ("1995-0", ("mmol/L", "mg/dL", "meq/L"), calcium.IONIZED),
    "magnesium": ("19123-9", ("mmol/L", "mg/dL", "meq/L"), calcium.MAGNESIUM_LOW),
    "albumin": ("1751-7", ("g/L", "g/dL", "umol/L"), calcium.ALBUMIN_LOW),
    "ceruloplasmin": ("2064-4", ("mg/dL", "g/L"), ceruloplasmin.CERULOPLASMIN),
    "copper-urine": ("5633-3", ("ug/(24.h)", "umol/(24.h)"), copper_wilson_facts.URINE),
    "copper-serum": ("5631-7", ("ug/dL", "umol/L"), copper_wilson_facts.SERUM_LOW),
    "inr": ("6301-6", ("1",), copper_wilson_facts.INR_RAISED),
    "vitamin-e": ("1823-4", ("mg/L", "umol/L"), vitamin_e.ADULT),
    "cholesterol": ("2093-3", ("mg/dL", "mmol/L"), vitamin_e.CHOLESTEROL_VERY_LOW),
    "manganese-blood": ("5681-2", ("ug/L", "nmol/L"), manganese.UPPER_NORMAL),
    "manganese-serum": ("5683-8", ("ug/L", "nmol/L"), manganese.SERUM_NORMAL),
    "ferritin": ("2276-4", ("ng/mL", "pmol/L"), iron_nbia_facts.FERRITIN_HIGH_FEMALE),
    "iron": ("2498-4", ("ug/dL", "umol/L"), iron_nbia.IRON_LOW),
    "transferrin-saturation": ("2502-3", ("%",), iron_nbia.SATURATION_LOW),
}
"""Series -> a LOINC code, units that laboratories send, and what the rules compare with."""
INCLUSIVE = {"mma", "homocysteine", "mcv", "manganese-blood", "manganese-serum", "ferritin"}
"""Where the limit itself belongs to the band below: "above this" is what the rules say."""
AROUND = st.one_of(
    st.decimals("0.05", "4", places=3),
    st.decimals("0.97", "1.03", places=4),
    st.sampled_from([Decimal(1), Decimal("0.001"), Decimal(40)]),
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_every_value_is_drawn_in_the_band_that_the_domain_gives_it(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(READ)))
    code, units, decides = READ[name]
    unit = data.draw(st.sampled_from(units))
    comparator = data.draw(st.sampled_from(["", "", "", "<", ">"]))
    cuts = [t.value for t in decides.thresholds()] if isinstance(decides, Scale) else [decides.value]
    number = _near(data.draw(st.sampled_from(cuts)), unit, name, data.draw(AROUND))
    lab = {"code": code, "v": str(number), "u": unit, "ago": 5, **({"cmp": comparator} if comparator else {})}
    of = chart(labs=[lab])
    found = [one for one in timeline.of_chart(of).series if one.id == name]
    if not found:  # not plausible: then it is listed as unreadable
        assert [one.why for one in timeline.of_chart(of).not_read] == ["implausible number"]
        return
    (one,) = found
    (point,) = one.points
    assert point.bands == _of_the_domain(name, decides, point.value, one)
    for drawn in drawings.drawings(one).values():
        _holds(drawn, one, point)


def _near(cut: Any, unit: str, name: str, factor: Decimal) -> Decimal:
    """A number in `unit` that is so many times a limit."""
    analyte = next(a for a in analytes.ANALYTES if a.key == _ANALYTE[name])
    family = analyte.measure.family_of(unit)
    assert family is not None
    own = cut.printed.get(family.unit)
    if own is None:
        canonical = next(iter(analyte.measure.families))
        own = cut.printed[canonical.unit] / family.to_canonical
    return (own * factor / family.factors[unit]).quantize(Decimal("0.00001")).normalize()


_ANALYTE = {
    "b12": "B12", "holotc": "HOLOTC", "mma": "MMA", "homocysteine": "HCY", "egfr": "EGFR", "mcv": "MCV",
    "calcium-ionized": "CA_IONIZED", "magnesium": "MG", "albumin": "ALBUMIN", "ceruloplasmin": "CP",
    "copper-urine": "CU_URINE", "copper-serum": "CU_SERUM", "inr": "INR", "vitamin-e": "VE", "cholesterol": "CHOL",
    "manganese-blood": "MN_BLOOD", "manganese-serum": "MN_SERUM", "ferritin": "FERRITIN", "iron": "IRON",
    "transferrin-saturation": "TSAT",
}  # fmt: skip


def _of_the_domain(name: str, decides: Scale | Threshold[Any], value: Value, one: Series) -> tuple[str, ...]:
    """The bands by what the rules ask of a value, limit by limit."""
    if isinstance(decides, Scale):
        return decides.touched(value)
    bands = [band.name for band in one.segments[0].scale.bands]
    below = value.at_most_below(decides.value, inclusive=name in INCLUSIVE)
    if name in ("mma", "manganese-blood") and below is not True:
        return one.segments[0].scale.touched(value)  # several limits: each has a test of its own
    return {True: (bands[0],), False: (bands[1],), None: tuple(bands)}[below]


def _holds(drawn: Drawing, one: Series, point: timeline.Point) -> None:
    names = [band.name for band in one.segments[0].scale.bands]
    (mark,) = drawn.marks
    end = mark.y if mark.opens is None else mark.y + mark.opens
    first, last = drawn.zones[names.index(point.bands[0])], drawn.zones[names.index(point.bands[-1])]
    top, bottom = min(mark.y, end), max(mark.y, end)
    assert last.top - 0.02 <= top, (names, point.bands)
    assert bottom <= first.bottom + 0.02, (names, point.bands)


@pytest.mark.parametrize("value", ["179.9", "180", "180.2", "350", "350.4"])
def test_a_value_close_to_a_limit_keeps_its_band_when_the_units_are_switched(value: str) -> None:
    one = series("b12", chart(labs=[{**B12, "v": value, "ago": 3}]))
    (point,) = one.points
    for unit, plot in timeline_svg.plots(one).items():
        low, high = timeline_svg.edges(vitamin_b12.TOTAL_B12, point.bands[0], plot.family)
        assert low <= plot.ends(point)[0] <= (high or Decimal("Infinity")), unit


def test_the_number_of_a_result_is_as_sent_in_its_own_unit_and_rounded_in_the_other() -> None:
    one = series("b12", chart(labs=[{**B12, "v": 148, "ago": 3}]))
    numbers = {family.unit: timeline_svg.number_in(family, one.points[0]) for family in one.families}
    assert numbers == {"ng/L": "148", "pmol/L": "109"}  # 148 x 0.7378 = 109.2


def test_a_result_from_another_age_stands_on_the_left_edge() -> None:
    of = chart(labs=[{**B12, "v": 300, "ago": 3}, {**B12, "v": 300, "ago": 600_000}])
    drawn = drawings.drawings(series("b12", of))["ng/L"]
    assert drawn.marks[0].x == 13
    assert drawn.texts["tl-day"]


def test_what_was_not_delivered_is_unknown_and_never_said_to_be_absent() -> None:
    bare = chart()
    told = timeline_html.document(dataclasses.replace(bare, not_looked_up=frozenset({"vitamin-b12", "copper-wilson"})))
    assert told["notDelivered"] == ["B12", "copper"]
    assert "not delivered, or not all of them: B12, copper." in told["html"]
    assert "No result" not in told["html"]
    assert "not delivered" not in timeline_html.document(bare)["html"]
    with_results = dataclasses.replace(
        chart(labs=[{**B12, "v": 300, "ago": 3}]), not_looked_up=frozenset({"calcium-vitamin-d"})
    )
    assert "not all of them: calcium." in timeline_html.section(with_results)
