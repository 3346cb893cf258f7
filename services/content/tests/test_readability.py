"""Pages for patients are written for a reading age of about 12: Flesch-Kincaid grade 6 at most."""

import re
from collections.abc import Sequence

import pytest

from content import library, render

HARDEST_GRADE = 6.0
TEXTS = library.load()
PATIENT_PAGES = sorted(slug for slug, audience in TEXTS.explanations if audience == "patient")

HARD = (
    "Hypermanganesemia attributable to biallelic pathogenic variants necessitates comprehensive multidisciplinary "
    "evaluation, notwithstanding the considerable phenotypic heterogeneity characterizing neurodegenerative "
    "disorders of intracellular transition-metal homeostasis."
)
EASY = "The dog ran to the park. It was hot. The dog sat in the shade and had a drink."


def syllables(word: str) -> int:
    """Groups of vowels, without a silent final e; at least one."""
    word = re.sub(r"[^a-z]", "", word.lower())
    if len(word) <= 3:
        return 1
    word = re.sub(r"(?<![aeiouyl])e$|(?<=[^aeioutd])ed$|(?<=[^aeioucsxzh])es$", "", word)
    return max(1, len(re.findall(r"[aeiouy]+", word)) + len(re.findall(r"i[ao](?!u)", word)))


def grade(paragraphs: Sequence[str]) -> float:
    """Flesch-Kincaid grade level; a paragraph, list item or cell ends a sentence."""
    sentences = [part for text in paragraphs for part in re.split(r"[.!?:]+(?:\s|$)", text) if re.search(r"\w", part)]
    words = [word for sentence in sentences for word in re.findall(r"[A-Za-z][A-Za-z'’-]*", sentence)]
    return 0.39 * len(words) / len(sentences) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


def prose(slug: str) -> list[str]:
    """What a patient reads on a page, without headings, which are not sentences."""
    page = TEXTS.explanations[slug, "patient"]
    markdown = f"{page.body}\n{TEXTS.statements['patient']}\n\n{page.red_flags}"
    titles = {text for _, text in render.headings(markdown)}
    return [text for text in render.plain(markdown) if text not in titles] + [page.evidence_reason]


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("dog", 1),
        ("like", 1),
        ("table", 2),
        ("vitamin", 3),
        ("treated", 2),
        ("manganese", 3),
        ("dystonia", 4),
        ("liver", 2),
    ],
)
def test_syllables(word: str, count: int) -> None:
    assert syllables(word) == count


def test_the_measure_tells_easy_from_hard() -> None:
    assert grade([EASY]) < 3
    assert grade([HARD]) > 20


@pytest.mark.parametrize("slug", PATIENT_PAGES)
def test_pages_for_patients_are_easy_to_read(slug: str) -> None:
    assert grade(prose(slug)) <= HARDEST_GRADE


@pytest.mark.parametrize("slug", PATIENT_PAGES)
def test_no_sentence_for_patients_is_long(slug: str) -> None:
    for text in prose(slug):
        for sentence in re.split(r"[.!?:]\s", text):
            assert len(sentence.split()) <= 25, sentence


@pytest.mark.parametrize("slug", sorted(TEXTS.slugs))
def test_pages_for_clinicians_are_harder_than_those_for_patients(slug: str) -> None:
    page = TEXTS.explanations[slug, "clinician"]
    assert grade(render.plain(page.body)) > grade(prose(slug))
