"""The statements that must be published, those that must not, and how a reader reports what is wrong."""

import re
from datetime import date
from functools import cache

import pytest
from packaged_texts import TEXTS

from content import pages
from content.settings import DEFAULT_REPORT_CONTACT

PAGES = sorted(TEXTS.explanations)
CLINICIANS = [key for key in PAGES if key[1] == "clinician"]
PATIENTS = [key for key in PAGES if key[1] == "patient"]
DAY = date(2026, 11, 22)


@cache
def published(key: tuple[str, str], form: str = pages.MARKDOWN) -> str:
    """A page as it is sent, on one line and without emphasis."""
    made = pages.explanation(TEXTS, TEXTS.explanations[key], "site.css", DEFAULT_REPORT_CONTACT, DAY)
    return " ".join(made[form].body.decode().replace("*", "").replace("\\", "").split())


CORRECTED = [
    # vitamin deficiency causes dystonia
    ("vitamin-b12", "The vast majority of dystonia is not nutritional."),
    ("vitamin-b12", "In a small number of people vitamin B12 deficiency can cause or contribute to"),
    ("calcium-vitamin-d", "In a small number of people low calcium or low magnesium can cause or contribute to"),
    ("manganese", "In a small number of people too much manganese can cause or contribute to"),
    # homocysteine as an NMDA agonist
    ("vitamin-b12", "A raised homocysteine acting on NMDA receptors is one proposed mechanism."),
    ("vitamin-b12", "What is known comes from case reports and small series"),
    # AVED
    ("vitamin-e", "well-documented treatable causes. Ataxia is the usual picture; dystonia can be the first sign"),
    ("vitamin-e", "usually stops progression and prevents disease in pre-symptomatic relatives; established"),
    ("vitamin-e", "Dose only by specialists"),
    # iron
    ("iron-nbia", "Most NBIA has normal blood iron tests. MRI is the test; iron tablets, iron avoidance or chelation"),
    ("iron-nbia", "Iron deficiency and iron excess in the blood are common and, alone, do not explain dystonia."),
    ("genetic-vs-acquired", "normal blood iron tests: MRI is the test, and iron tablets or chelation are not"),
    # manganese
    ("manganese", "specialist-only; response varies and is better when early; some patients worsened"),
    # vitamin D
    ("calcium-vitamin-d", "acts through low calcium. Tetany and cramps are not the same as dystonia."),
    ("calcium-vitamin-d", "A low vitamin D alone never makes a card."),
    ("genetic-vs-acquired", "acts through low calcium. Tetany and cramps of low calcium are not the same as dystonia"),
    # genetic and acquired
    ("genetic-vs-acquired", "These are tendencies, not rules."),
    ("genetic-vs-acquired", "Several genetic dystonias are highly treatable: dopa-responsive dystonia, Wilson"),
    ("genetic-vs-acquired", "DYT-TOR1A (formerly DYT1)"),
    # diet
    ("diet", "Omega-3 fats, antioxidant-rich food, caffeine, fluids: general health advice; no trial evidence"),
    ("diet", "no diet cures dystonia. There is no trial evidence that diet changes dystonia."),
    ("genetic-vs-acquired", "there is no trial evidence that diet changes dystonia"),
    # Wilson disease
    ("copper-wilson", "It is the treatable metal disorder every young-onset movement disorder work-up must cover."),
    ("copper-wilson", "A normal ceruloplasmin does not exclude it"),
    ("genetic-vs-acquired", "the treatable metal disorder every young-onset movement disorder work-up must cover"),
]  # fmt: skip
"""What stands in the place of what is commonly said."""

NEVER = {
    "a deficiency as the cause of dystonia": r"(deficienc(y|ies)|vitamin \w+) causes? dystonia",
    "homocysteine as a proven mechanism": r"homocysteine[^.]{0,60}(results? in|causes?|leads? to) dystonia",
    "progression that is halted": r"\bhalt(s|ed|ing)?\b (the )?(progress|disease)",
    "prompt high-dose vitamin E": r"prompt high-dose",
    "iron deficiency linked to dystonia": r"iron (deficiency|excess)[^.]{0,40}(linked|associated) (to|with) dystonia",
    "manganese as simply treatable": r"potentially treatable with chelation",
    "vitamin D deficiency causing spasms": r"vitamin D deficiency[^.]{0,40}(spasms|dystonia\b(?! \w* ?is))",
    "acquired as reversible": r"potentially reversible",
    "DYT1 without its present name": r"(?<!formerly )(?<!HMN)DYT1\b",
    "food that improves dystonia": r"(omega-3|antioxidants?|caffeine|hydration)[^.]{0,30}(improves?|treats?) dystonia",
    "a diet that treats": r"\b(diet|food) (cures|improves|treats) dystonia",
    "folate that masks, as fact": r"fol(ate|ic acid) can mask",
    "ceruloplasmin as exclusion": r"normal ceruloplasmin (excludes|rules out)",
    "a Wilson diet": r"\"?Wilson diet\"? (is|can be) (a|the) treatment",
    "edetate without its salt as a treatment": r"chelation with edetate\b",
}  # fmt: skip
"""What no page may say, in the words in which it is commonly said."""


@pytest.mark.parametrize(("slug", "statement"), CORRECTED)
def test_statements_are_published_in_their_corrected_form(slug: str, statement: str) -> None:
    assert statement in published((slug, "clinician"))


@pytest.mark.parametrize("key", PAGES)
def test_statements_that_were_corrected_are_not_published(key: tuple[str, str]) -> None:
    text = f"{published(key)} {TEXTS.explanations[key].card_text}".replace("no diet cures dystonia", "")
    text = re.sub(r"No diet cures dystonia", "", text, flags=re.IGNORECASE)
    found = {name: hit[0] for name, wrong in NEVER.items() if (hit := re.search(wrong, text, re.IGNORECASE))}
    assert found == {}


@pytest.mark.parametrize(
    "wrong",
    [
        "Vitamin B12 deficiency causes dystonia.",
        "raised homocysteine, an NMDA agonist, which can result in or causes dystonia",
        "Treatment halts progression.",
        "It can halt the disease.",
        "Prompt high-dose vitamin E helps.",
        "Iron deficiency and excess have been linked to dystonia.",
        "Manganese disease is potentially treatable with chelation and iron.",
        "Severe vitamin D deficiency can cause spasms.",
        "Acquired dystonia is potentially reversible.",
        "the commonest form is DYT1",
        "Omega-3 improves dystonia.",
        "A diet treats dystonia.",
        "Folate can mask the deficiency.",
        "A normal ceruloplasmin excludes Wilson disease.",
    ],
)
def test_the_wrong_statements_would_be_seen(wrong: str) -> None:
    assert any(re.search(pattern, wrong, re.IGNORECASE) for pattern in NEVER.values())


@pytest.mark.parametrize("key", PAGES)
def test_the_first_words_put_nutrition_in_its_place(key: tuple[str, str]) -> None:
    body = " ".join(TEXTS.explanations[key].body.split())
    if key == ("safety", "clinician"):
        assert "not harmless in high doses" in body
    elif key[1] == "clinician":
        assert re.search(r"vast majority of dystonia (is|has)", body[:700])
    elif key == ("red-flags", "patient"):
        assert "Most of the time it is not an emergency." in body[:200]
    else:
        assert re.search(r"[Ff]or most people (it|the cause) has nothing to do with", body[:500])


@pytest.mark.parametrize("key", PAGES)
def test_every_page_says_how_to_report_a_wrong_card(key: tuple[str, str]) -> None:
    for text in (published(key), published(key, pages.HTML)):
        if key[1] == "clinician":
            assert "How to report a wrong card" in text
            assert "“Coded problem or result is wrong” (wrong-data)" in text
            assert "the clinical safety lead or the IT service, by the usual route of your site" in text
            assert "public issue tracker must never get patient data" in text
        else:
            assert "They can report a wrong card." in text
            assert "Do not post facts about your health on the web pages of this project." in text
        assert DEFAULT_REPORT_CONTACT in text
        assert not re.search(r"[\w.]+@[\w.]+\.\w+|\+\d[\d ]{6,}", text), "no invented addresses"


def test_the_list_and_the_bibliography_say_so_too() -> None:
    for made in (pages.index(TEXTS, "site.css", DAY), pages.bibliography(TEXTS, "site.css")):
        text = made[pages.HTML].body.decode()
        assert "Tell the clinical safety lead or the IT service of your own site" in text
        assert "Never put patient data into the project's public issue tracker." in text


@pytest.mark.parametrize(
    "subject",
    [
        "Dopa-responsive dystonia (levodopa trial)",
        "biotin-thiamine-responsive basal ganglia disease (SLC19A3)",
        "GLUT1 deficiency",
        "cerebral folate deficiency",
        "cerebrotendinous xanthomatosis",
        "homocystinurias and cobalamin C disease",
        "creatine deficiencies",
        "pyruvate dehydrogenase deficiency",
        "autoimmune disease",
        "thiamine deficiency",
        "copper deficiency",
    ],
)
def test_what_is_not_covered_on_purpose_is_named(subject: str) -> None:
    section = published(("genetic-vs-acquired", "clinician")).split("## What is not covered")[1].split("## ")[0]
    assert subject in section
    assert "does not look for them on purpose; the clinician has to" in section


@pytest.mark.parametrize("key", CLINICIANS)
def test_every_number_of_a_study_has_its_source(key: tuple[str, str]) -> None:
    """A sentence that counts patients, samples or reports cites; tables and limits of ours cite in their sentence."""
    for sentence in re.split(r"(?<=[.:;])\s", " ".join(TEXTS.explanations[key].body.split())):
        if re.search(r"\b\d+ (patients|samples|people|Tunisian|of the \d+)\b|\b\d+ worsened\b", sentence):
            whole = " ".join(TEXTS.explanations[key].body.split())
            after = whole[whole.index(sentence) :][:600]
            assert "[@" in after, sentence


@pytest.mark.parametrize("key", PATIENTS)
def test_pages_for_patients_name_no_percentage_dose_or_gene(key: tuple[str, str]) -> None:
    text = TEXTS.explanations[key].body + TEXTS.explanations[key].red_flags
    assert not re.search(r"\d\s?(%|percent|mg|mcg|µg|IU)\b", text)
    assert not re.search(r"\b(ATP7B|TTPA|TOR1A|SLC\w+|PANK2)\b", text)
