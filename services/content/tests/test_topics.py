"""The pages on iron, calcium and copper: limits as in the rules and in both unit families, tables, worked examples."""

import re
from datetime import date
from functools import cache

import pytest
from packaged_texts import TEXTS

from content import pages

DAY = date(2026, 11, 22)
TOPICS = {"iron-nbia", "calcium-vitamin-d", "copper-wilson", "diet", "seeing-a-neurologist", "red-flags"}
WORKUPS = {"vitamin-b12", "vitamin-e", "manganese", "iron-nbia", "calcium-vitamin-d", "copper-wilson"}

NUMBER = r"\d+(?:\.\d+)?"
SPAN = rf"({NUMBER})(?:–({NUMBER}))?"
SLACK = 0.7
"""How many units of the last printed place two printed numbers may differ: guidelines round 0.64 umol to 40 ug."""


@cache
def markdown(slug: str) -> str:
    page = TEXTS.explanations[slug, "clinician"]
    made = pages.explanation(TEXTS, page, "site.css", "the site's team", DAY)[pages.MARKDOWN]
    return made.body.decode().replace("**", "").replace("*", "")


@cache
def on_one_line(slug: str) -> str:
    return " ".join(markdown(slug).split())


def tables(slug: str) -> list[list[list[str]]]:
    """The tables of a page, each a list of rows of cells; the first row has the headings."""
    blocks = re.findall(r"(?:^\|.*\|\n)+", markdown(slug), re.MULTILINE)
    split = [[[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()] for block in blocks]
    return [[rows[0], *rows[2:]] for rows in split]


def table(slug: str, heading: str) -> dict[str, list[str]]:
    """The rows, by their first cell, of the table that has a column of this heading."""
    found = [rows for rows in tables(slug) if heading in rows[0]]
    assert len(found) == 1
    return {row[0]: row[1:] for row in found[0][1:]}


def column(slug: str, heading: str) -> list[str]:
    found = [rows for rows in tables(slug) if heading in rows[0]]
    assert len(found) == 1
    place = found[0][0].index(heading)
    return [row[place] for row in found[0][1:]]


def assert_units_agree(text: str, one: str, other: str, factor: float, at_least: int) -> None:
    """Every `a one (b other)` in `text` holds the same amount twice."""
    pairs = list(re.finditer(rf"{SPAN} {re.escape(one)} \({SPAN} {re.escape(other)}\)", text))
    assert len(pairs) >= at_least
    for pair in pairs:
        for first, second in ((pair[1], pair[3]), (pair[2], pair[4])):
            assert (first is None) == (second is None), pair[0]
            if first is not None:
                place = 10 ** -len(second.partition(".")[2])
                spread = 10 ** -len(first.partition(".")[2]) * factor
                assert abs(float(first) * factor - float(second)) <= SLACK * max(place, spread) + 1e-9, pair[0]


def test_all_topics_are_there_for_both_audiences() -> None:
    for slug in TOPICS | WORKUPS:
        assert (slug, "clinician") in TEXTS.explanations
        assert (slug, "patient") in TEXTS.explanations


@pytest.mark.parametrize(
    ("slug", "grade"),
    [
        ("vitamin-b12", "low"),
        ("vitamin-e", "moderate"),
        ("manganese", "moderate"),
        ("iron-nbia", "moderate"),
        ("calcium-vitamin-d", "low"),
        ("copper-wilson", "high"),
    ],
)
def test_the_evidence_grade_is_that_of_the_rules(slug: str, grade: str) -> None:
    assert TEXTS.explanations[slug, "clinician"].evidence_grade == grade
    assert TEXTS.explanations[slug, "patient"].evidence_grade == grade


@pytest.mark.parametrize(
    ("slug", "limit"),
    [
        # calcium, ionized calcium, magnesium, vitamin D
        ("calcium-vitamin-d", "| critical | below 1.90 mmol/L (7.6 mg/dL) | below 0.90 mmol/L (3.6 mg/dL) | – |"),
        ("calcium-vitamin-d", "| low | 1.90–2.10 mmol/L (7.6–8.4 mg/dL) | 0.90–1.10 mmol/L (3.6–4.4 mg/dL) |"),
        ("calcium-vitamin-d", "2.10–2.15 mmol/L (8.4–8.6 mg/dL) | 1.10–1.15 mmol/L (4.4–4.6 mg/dL) |"),
        ("calcium-vitamin-d", "| normal | 2.15 mmol/L (8.6 mg/dL) or more | 1.15 mmol/L (4.6 mg/dL) or more |"),
        ("calcium-vitamin-d", "| below 25 nmol/L (10 ng/mL) | severe deficiency |"),
        ("calcium-vitamin-d", "only with an albumin drawn within 1 day of the calcium"),
        ("calcium-vitamin-d", "if it was drawn within 24 hours of it or later; otherwise the newest sample decides"),
        ("calcium-vitamin-d", "critical for 14 days. From 15 to 183 days"),
        ("calcium-vitamin-d", "183 days until a single usable normal result exists after the movement disorder began"),
        ("calcium-vitamin-d", "plain vitamin D does not count"),
        ("calcium-vitamin-d", "and never a low magnesium"),
        # copper
        ("copper-wilson", "| below 0.10 g/L (10 mg/dL) | 0.10–0.20 g/L (10–20 mg/dL) | 0.20 g/L (20 mg/dL) or more"),
        ("copper-wilson", "above 1.6 µmol (100 µg) in 24 hours | 0.64–1.6 µmol (40–100 µg) in 24 hours, both ends"),
        ("copper-wilson", "below 10 µmol/L (64 µg/dL) is low | – | 11–22 µmol/L (70–140 µg/dL)"),
        ("copper-wilson", "| critical: same-day hepatology or transplant center | Any of these with INR 1.5 or more"),
        ("copper-wilson", "On an anticoagulant the INR cannot be read: check bilirubin, albumin, ALT"),
        ("copper-wilson", "Ceruloplasmin counts for 10 years, 24-hour urine copper for 5 years, INR for 30 days."),
        ("copper-wilson", "a missing ring does not exclude"),
        # iron
        ("iron-nbia", "above 300 µg/L (300 ng/mL) in men, above 200 µg/L (200 ng/mL) in women; if the sex is not"),
        ("iron-nbia", "below 15 µg/L (15 ng/mL) absolute, below 30 µg/L (30 ng/mL) probable deficiency"),
        ("iron-nbia", "| Iron | low below 8 µmol/L (45 µg/dL) |"),
        ("iron-nbia", "ferritin high and (transferrin saturation below 16% or iron below 8 µmol/L) and cerulo"),
        ("iron-nbia", "A ferritin that is only high or only low makes no card"),
        ("iron-nbia", "Results count for 730 days, ceruloplasmin for 10 years."),
    ],
)  # fmt: skip
def test_limits_are_those_of_the_rules(slug: str, limit: str) -> None:
    assert limit in on_one_line(slug)


def test_calcium_and_magnesium_limits_agree_in_both_units() -> None:
    for heading in ("Adjusted calcium", "Ionized calcium"):
        assert_units_agree(" ".join(column("calcium-vitamin-d", heading)), "mmol/L", "mg/dL", 1 / 0.2495, 4)
    assert_units_agree(" ".join(column("calcium-vitamin-d", "Magnesium")), "mmol/L", "mg/dL", 1 / 0.4114, 3)
    assert_units_agree(on_one_line("calcium-vitamin-d"), "nmol/L", "ng/mL", 1 / 2.496, 3)
    assert_units_agree(on_one_line("calcium-vitamin-d"), "g/L", "g/dL", 0.1, 2)
    prose = on_one_line("calcium-vitamin-d").split("| 0.70 mmol/L")[1]
    assert_units_agree(prose, "mmol/L", "mg/dL", 1 / 0.2495, 3)


def test_copper_and_iron_limits_agree_in_both_units() -> None:
    for slug in ("copper-wilson", "iron-nbia"):
        text = on_one_line(slug)
        assert_units_agree(text, "g/L", "mg/dL", 100, 1)
        assert_units_agree(text.replace("in 24 hours", ""), "µmol", "µg", 1 / 0.01574, 0 if slug == "iron-nbia" else 6)
    assert_units_agree(on_one_line("copper-wilson"), "µmol/L", "µg/dL", 1 / 0.1574, 3)
    iron = on_one_line("iron-nbia")
    assert_units_agree(iron.replace("copper below 10 µg/dL (1.6 µmol/L)", ""), "µmol/L", "µg/dL", 1 / 0.1791, 1)
    assert_units_agree("10 µg/dL (1.6 µmol/L)", "µg/dL", "µmol/L", 0.1574, 1)
    assert "copper below 10 µg/dL (1.6 µmol/L)" in iron
    assert_units_agree(iron, "µg/L", "ng/mL", 1, 4)


def test_the_red_flags_repeat_the_same_limits() -> None:
    text = on_one_line("red-flags")
    assert_units_agree(text, "mmol/L", "mg/dL", 1 / 0.2495, 2)
    assert (
        "Adjusted calcium below 1.90 mmol/L (7.6 mg/dL) or ionized below 0.90 mmol/L (3.6 mg/dL), up to 14 days" in text
    )


def test_the_worked_example_of_adjusted_calcium_is_right() -> None:
    text = on_one_line("calcium-vitamin-d")
    assert "adjusted calcium [mmol/L] = total calcium + 0.02 × (40 − albumin [g/L])" in text
    assert "adjusted calcium [mg/dL] = total calcium + 0.8 × (4.0 − albumin [g/dL])" in text
    given = re.search(
        rf"Total calcium ({NUMBER}) mmol/L \(({NUMBER}) mg/dL\) .*? is ({NUMBER}) g/L \(({NUMBER}) g/dL\)", text
    )
    steps = re.search(
        rf"40 − ({NUMBER}) = ({NUMBER}) g/L 2\. ({NUMBER}) \+ 0\.02 × ({NUMBER}) = ({NUMBER}) mmol/L: normal", text
    )
    assert given
    assert steps
    total, albumin = float(given[1]), float(given[3])
    assert float(steps[1]) == albumin
    assert float(steps[2]) == float(steps[4]) == 40 - albumin
    assert float(steps[3]) == total
    assert float(steps[5]) == round(total + 0.02 * (40 - albumin), 2) >= 2.15 > total
    in_mg = float(given[2]) + 0.8 * (4.0 - float(given[4]))
    assert in_mg >= 8.6
    assert abs(in_mg * 0.2495 - float(steps[5])) < 0.02


@pytest.mark.parametrize(
    ("slug", "heading", "rows"),
    [
        (
            "genetic-vs-acquired",
            "Genetic (inherited) dystonia",
            {"Cause", "Example", "Onset", "Course", "Reversibility", "Work-up", "Overlap"},
        ),
        (
            "manganese",
            "Acquired",
            {"Onset", "Polycythemia", "Liver disease", "Iron", "MRI", "Whole-blood manganese"},
        ),
        (
            "iron-nbia",
            "Aceruloplasminemia",
            {
                "Gene", "Age when it shows", "Ceruloplasmin", "Serum copper", "24-hour urine copper", "Ferritin",
                "Iron, transferrin saturation", "Anemia", "Diabetes", "Eye", "MRI", "Movement disorder", "Do not",
            },
        ),
        (
            "calcium-vitamin-d",
            "Dystonia",
            {"Feeling", "Hand", "Sides", "Time", "Signs", "Calcium or magnesium", "Effect of correction"},
        ),
    ],
)  # fmt: skip
def test_the_comparing_tables_have_their_rows(slug: str, heading: str, rows: set[str]) -> None:
    found = table(slug, heading)
    assert set(found) == rows
    assert all(cell for cells in found.values() for cell in cells)


def test_what_tells_aceruloplasminemia_from_wilson_disease() -> None:
    rows = table("iron-nbia", "Wilson disease")
    assert rows["Ferritin"][0].startswith("high")
    assert rows["Iron, transferrin saturation"][0].startswith("low")
    assert rows["24-hour urine copper"][0] == "not high"
    assert "give iron" in rows["Do not"][0]
    assert "above 100 µg (1.6 µmol) in 24 hours" in rows["24-hour urine copper"][1]


def test_what_is_overlapping_stands_in_both_columns_of_genetic_and_acquired() -> None:
    rows = table("genetic-vs-acquired", "Genetic (inherited) dystonia")
    for gene in ("TOR1A", "GCH1", "THAP1", "TTPA", "ATP7B", "SLC30A10", "PANK2"):
        assert gene in rows["Cause"][0]
    assert "treatable biochemistry first or in parallel" in rows["Work-up"][0]
    assert "not guaranteed" in rows["Reversibility"][1]
    assert "malabsorption can mimic a genetic disease" in rows["Overlap"][1]


@pytest.mark.parametrize(
    ("slug", "never"),
    [
        ("iron-nbia", "No iron. Iron, iron chelation and deferiprone are decisions of a specialist team"),
        ("calcium-vitamin-d", "The service proposes no dose of calcium, magnesium or vitamin D."),
        ("copper-wilson", "Do not start penicillamine, trientine or zinc outside a specialist team"),
        ("copper-wilson", 'A "Wilson diet" is not a treatment.'),
        ("diet", "No high-dose single vitamins, manganese, iron, zinc or copper without a test."),
        ("seeing-a-neurologist", "Do not stop a prescribed antipsychotic, antiepileptic or levodopa abruptly"),
        ("red-flags", "The absence of a card does not mean that the patient is fine."),
        ("genetic-vs-acquired", "It does not exclude a metabolic cause."),
    ],
)
def test_what_must_not_be_done_is_said(slug: str, never: str) -> None:
    assert never in on_one_line(slug)


@pytest.mark.parametrize(
    ("slug", "words"),
    [
        ("iron-nbia", "A brain scan is the main test."),
        ("iron-nbia", "Most people with iron in the brain have normal blood tests."),
        ("calcium-vitamin-d", "Call the emergency number if you have any of these: - A fit. - A tight throat"),
        ("calcium-vitamin-d", "Vitamin D does not treat most dystonia."),
        ("copper-wilson", "Never stop your treatment by yourself"),
        ("copper-wilson", "Brothers and sisters need testing"),
        ("copper-wilson", "Do not take zinc by yourself."),
        ("diet", "No diet cures dystonia."),
        ("diet", "A speech therapist can test how you swallow."),
        ("seeing-a-neurologist", "A short video."),
        ("seeing-a-neurologist", "Add tablets for feeling sick or dizzy."),
        ("red-flags", "Do not wait for your next visit."),
    ],
)
def test_what_patients_must_read(slug: str, words: str) -> None:
    page = TEXTS.explanations[slug, "patient"]
    assert words in " ".join(f"{page.body} {page.red_flags}".replace("*", "").split())


def test_the_newer_guideline_on_wilson_disease_is_named_as_unread() -> None:
    assert "must be checked before publication" in on_one_line("copper-wilson")
