"""What the texts promise: the opening, the ends, the corrected statements, right numbers, no doses."""

import os
import re
from datetime import UTC, date, datetime
from functools import cache
from itertools import pairwise

import pytest
from packaged_texts import TEXTS

from content import library, pages, render

PAGES = sorted(TEXTS.explanations)
PATIENTS = [key for key in PAGES if key[1] == "patient"]
CLINICIANS = [key for key in PAGES if key[1] == "clinician"]
DAY = date(2026, 11, 22)

FACTORS = {
    ("ng/L", "pmol/L"): 0.7378,
    ("µmol/L", "mg/L"): 1 / 2.322,
    ("µmol/L", "nmol/L"): 1000,
    ("µg/L", "nmol/L"): 18.20,
    ("nmol/L", "µg/L"): 1 / 18.20,
    ("g/L", "g/dL"): 0.1,
}
LIPIDS = {"cholesterol": 0.02586, "triglycerides": 0.01129}


@cache
def markdown_of(key: tuple[str, str]) -> str:
    page = TEXTS.explanations[key]
    made = pages.explanation(TEXTS, page, "site.css", "the team that runs this service at your site", DAY)
    return made[pages.MARKDOWN].body.decode()


@cache
def flat(key: tuple[str, str]) -> str:
    """The whole page on one line, without emphasis."""
    return " ".join(markdown_of(key).replace("*", "").split())


@cache
def html_of(key: tuple[str, str]) -> str:
    made = pages.explanation(TEXTS, TEXTS.explanations[key], "site.css", "the site's team", DAY)
    return made[pages.HTML].body.decode()


def today() -> date:
    """The day of the build: SOURCE_DATE_EPOCH where one is set, else today."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    return now.date()


def test_no_page_is_past_its_review_date() -> None:
    assert [f"{page.slug}.{page.audience}" for page in TEXTS.overdue(today())] == []


@pytest.mark.parametrize("key", PAGES)
def test_every_page_begins_and_ends_as_it_must(key: tuple[str, str]) -> None:
    page = TEXTS.explanations[key]
    text = markdown_of(key)
    lines = [line for line in text.splitlines() if line]
    assert lines[0] == f"# {page.title}"
    assert lines[1] == "This is information to support a clinician's decision. It is not a diagnosis."
    assert lines[2] == "Awaiting clinical sign-off."
    headings = [title for level, title in render.headings(text) if level == 2]
    ends = [library.RED_FLAGS_HEADING[page.audience], *(["References"] if page.references else []), "About this page"]
    assert headings[-len(ends) :] == ends
    about = text.split("## About this page")[1]
    for value in (page.author, page.checker, page.version, str(page.written), str(page.review_by), page.evidence_grade):
        assert value in about


@pytest.mark.parametrize("key", CLINICIANS)
def test_every_page_for_clinicians_repeats_the_safety_statements(key: tuple[str, str]) -> None:
    text = flat(key)
    for statement in (
        "A normal result does not exclude a treatable cause. The absence of a card does not mean the patient is fine.",
        "breathing or swallowing difficulty, laryngeal stridor, continuous severe dystonia (status dystonicus) with "
        "fever or rising creatine kinase, seizures, collapse, jaundice or confusion, rapid weakness or bladder change, "
        "oculogyric crisis after a new drug",
        "B12 with neurological signs is urgent; folic acid can hide the anemia while nerve damage progresses.",
        "High-dose vitamin E and bleeding",
        "Chelation, iron and copper therapy: specialists only. Edetate disodium is not calcium disodium edetate.",
        "Do not stop prescribed antipsychotics, antiepileptics or levodopa abruptly.",
        "Pregnancy, breastfeeding, children, kidney and liver disease: different limits.",
    ):
        assert statement in text


@pytest.mark.parametrize("key", PATIENTS)
def test_every_page_for_patients_repeats_the_safety_statements(key: tuple[str, str]) -> None:
    text = flat(key)
    for statement in (
        "Talk to your clinician before starting or stopping anything.",
        "A normal test does not rule out every cause.",
        "Call the emergency number if you cannot breathe or swallow well.",
        "Low vitamin B12 with numb or weak legs needs care fast.",
        "High doses of vitamin E can make you bleed",
        "Only specialists should use such drugs.",
        "Do not stop pills for mood, for fits or for movement all at once.",
        "Different limits are used for you.",
    ):
        assert statement in text


def test_vitamin_e_worked_example_is_right() -> None:
    text = flat(("vitamin-e", "clinician"))
    mass = re.search(r"Alpha-tocopherol ([\d.]+) mg/L looks adequate", text)
    steps = re.search(r"([\d.]+) mg/L × 2\.322 = ([\d.]+) µmol/L .*? ([\d.]+) \+ ([\d.]+) = ([\d.]+) mmol/L", text)
    ratio = re.search(r"([\d.]+) / ([\d.]+) = ([\d.]+) µmol/mmol: low", text)
    assert mass
    assert steps
    assert ratio
    alpha, cholesterol, triglycerides = float(mass[1]) * 2.322, float(steps[3]), float(steps[4])
    assert float(steps[1]) == float(mass[1])
    assert float(steps[2]) == float(ratio[1]) == round(alpha, 1) == 18.6
    assert float(steps[5]) == float(ratio[2]) == cholesterol + triglycerides == 12.5
    assert float(ratio[3]) == round(alpha / (cholesterol + triglycerides), 2) == 1.49
    assert float(ratio[3]) < 1.6
    assert alpha > 16.2
    for name, factor in LIPIDS.items():
        shown = re.search(rf"{name} ([\d.]+) mmol/L \((\d+) mg/dL\)", text)
        assert shown
        assert round(float(shown[1]) / factor) == int(shown[2])


NUMBER = r"(\d+(?:\.\d+)?)"
SPAN = rf"{NUMBER}(?:–{NUMBER})?"


@pytest.mark.parametrize("slug", ["vitamin-b12", "vitamin-e", "manganese"])
def test_limits_in_two_units_agree(slug: str) -> None:
    text = flat((slug, "clinician")).replace("(pg/mL) ", "").replace("below ", "").replace("above ", "")
    text = re.sub(r"in (men|women), ", "", text)
    checked = 0
    for (unit, other), factor in FACTORS.items():
        for found in re.finditer(rf"{SPAN} {unit} (?:\(|= ){SPAN} {other}\b", text):
            for one, two in ((found[1], found[3]), (found[2], found[4])):
                if one is None or two is None:
                    assert one is two is None, found[0]
                    continue
                checked += 1
                places = len(two.partition(".")[2])
                spread = 0.5 * 10 ** -len(one.partition(".")[2]) * factor
                assert abs(float(one) * factor - float(two)) <= spread + 0.51 * 10**-places, found[0]
    assert checked >= {"vitamin-b12": 14, "vitamin-e": 10, "manganese": 8}[slug]


@pytest.mark.parametrize(
    ("slug", "limit"),
    [
        ("vitamin-b12", "below 180 ng/L (pg/mL) = below 133 pmol/L"),
        ("vitamin-b12", "180–350 ng/L = 133–258 pmol/L, both ends included"),
        ("vitamin-b12", "25–70 pmol/L, both ends included"),
        ("vitamin-b12", "0.40 µmol/L (400 nmol/L) with eGFR 60 or more; above 0.75 µmol/L (750 nmol/L) at any eGFR"),
        ("vitamin-b12", "below 100 ng/L (74 pmol/L)"),
        ("vitamin-e", "11.6–16.2 µmol/L (5.0–7.0 mg/L)"),
        ("vitamin-e", "8.8–11.6 µmol/L (3.8–5.0 mg/L)"),
        ("vitamin-e", "total cholesterol below 1.5 mmol/L (58 mg/dL)"),
        ("manganese", "up to 18.3 µg/L (333 nmol/L)"),
        ("manganese", "| high | above 2 × ULN | above 36.6 µg/L (666 nmol/L) |"),
        ("manganese", "| high, with a reason to believe it | above 1.5 × ULN | above 27.5 µg/L (500 nmol/L) |"),
        ("manganese", "above 2.0 µg/L (36 nmol/L) | order whole blood"),
    ],
)  # fmt: skip
def test_limits_are_those_of_the_rules(slug: str, limit: str) -> None:
    assert limit in flat((slug, "clinician"))


def test_manganese_bands_are_multiples_of_the_default_limit() -> None:
    text = flat(("manganese", "clinician"))
    default = re.search(rf"up to ULN \| up to {NUMBER} µg/L \({NUMBER} nmol/L\)", text)
    assert default
    bands = re.findall(rf"{NUMBER} × ULN \| (?:up to|above) {NUMBER} µg/L \({NUMBER} nmol/L\)", text)
    assert sorted(band[0] for band in bands) == ["1.5", "2", "2"]
    for times, mass, molar in bands:
        assert abs(float(default[1]) * float(times) - float(mass)) <= 0.051
        assert abs(float(default[2]) * float(times) - float(molar)) <= 0.51


DOSE = re.compile(
    r"\d\s*(?:mg|µg|mcg|ug|g|IU|units?)(?:/kg)?(?:\s+of\s+\w+)?\s*(?:/\s*d(?:ay)?\b|an?\s+day|daily|per\s+day|once|twice|"
    r"every|weekly|for\s+\d)|\d\s*(?:mg|mcg|IU|µg)\s+(?:of\s+)?(?:intramuscular|oral|im\b|iv\b)|\d\s*mg/kg",
    re.IGNORECASE,
)
PARENTERAL_RECOMMENDATION = "55 µg of manganese a day"
"""The published content of parenteral nutrition: the only daily amount that the rules allow on a page."""

COPPER_IN_URINE = "AASLD recommendations on Wilson disease, 40 and 100 ug a day"
"""The source of the limits of what is passed in a day."""


@pytest.mark.parametrize("key", PAGES)
def test_no_page_names_a_dose(key: tuple[str, str]) -> None:
    page = TEXTS.explanations[key]
    text = f"{flat(key)} {page.card_text}"
    assert text.count(PARENTERAL_RECOMMENDATION) == (key == ("manganese", "clinician"))
    assert DOSE.findall(text.replace(PARENTERAL_RECOMMENDATION, "").replace(COPPER_IN_URINE, "")) == []


def test_the_dose_pattern_sees_doses() -> None:
    for dose in (
        "1000 µg of hydroxocobalamin daily",
        "800 mg a day",
        "400 IU per day",
        "10 mg/kg",
        "1 mg intramuscular",
    ):
        assert DOSE.search(dose), dose


@pytest.mark.parametrize("key", PATIENTS)
def test_pages_for_patients_have_no_abbreviation_percentage_or_brand(key: tuple[str, str]) -> None:
    page = TEXTS.explanations[key]
    text = " ".join(
        [
            page.title,
            page.evidence_reason,
            *render.plain(f"{page.body}\n{TEXTS.statements['patient', 'en']}\n\n{page.red_flags}"),
        ]
    )
    assert re.findall(r"\b[A-Z]{2,}\b|\b[A-Z]+\d{2,}[A-Z]+\b|\be\.g\.|\bi\.e\.|\betc\b", text) == []
    assert re.findall(r"%|\bpercent\b|[®™]", text) == []
    assert "talk to your clinician before starting or stopping anything" in " ".join(page.body.lower().split())


BASES = (
    "of these 132|307 patient samples|among people with a B12|of the manganese in|of the iron-binding capacity|"
    "transferrin saturation below 16%"
)


@pytest.mark.parametrize("key", CLINICIANS)
def test_percentages_stand_beside_their_base(key: tuple[str, str]) -> None:
    text = flat(key)
    for found in re.finditer(r"\d%", text):
        around = text[max(0, found.start() - 260) : found.end() + 120]
        assert re.search(BASES, around), around


@pytest.mark.parametrize("key", CLINICIANS)
def test_card_text_fits_a_card(key: tuple[str, str]) -> None:
    card_text = TEXTS.explanations[key].card_text
    assert 40 <= len(card_text) <= 700
    assert "<" not in card_text
    assert "\n" not in card_text


@pytest.mark.parametrize("key", PAGES)
def test_spelling_is_american_and_the_author_is_the_project(key: tuple[str, str]) -> None:
    page = TEXTS.explanations[key]
    british = r"\b\w*(aemi|haem|oedema|paediatr|ysis?ed|oeliac|tumour|colour|labour|fibre|ageing|counselling)\w*"
    assert re.findall(british, flat(key).split("## References")[0].split(" References 1.")[0], re.IGNORECASE) == []
    assert page.author == "dystonia-cds project"
    assert page.checker == "awaiting clinical sign-off"


@pytest.mark.parametrize("key", PAGES)
def test_html_has_one_h1_a_language_and_no_skipped_level(key: tuple[str, str]) -> None:
    html = html_of(key)
    levels = [int(level) for level in re.findall(r"<h([1-6])[ >]", html)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert '<html lang="en">' in html
    assert "<script" not in html
    assert not re.search(r'\son\w+="|style="', html)
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(ids)


def test_unconfirmed_parts_are_shown_as_unconfirmed() -> None:
    html = html_of(("vitamin-e", "clinician"))
    entry = html.split('id="ref-thurnham-1986"')[1].split("</li>")[0]
    assert entry.count("(unconfirmed)") == 4
    text = markdown_of(("vitamin-e", "clinician"))
    assert "1986 (unconfirmed)" in text
    confirmed = html.split('id="ref-pearson-2016"')[1].split("</li>")[0]
    assert "(unconfirmed)" not in confirmed
