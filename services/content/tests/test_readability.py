"""Pages for patients are written for a reading age of about 12.

Two measures, because each has a blind side. Both give a grade of United States schools, where grade 6 is age 11 to 12.

- Flesch-Kincaid counts words in a sentence and syllables in a word. Syllables come from Pyphen, whose hyphenation finds
  3.4 in 100 fewer of them than the CMU Pronouncing Dictionary does on these pages; that is half a grade. So 5.5 here
  means grade 6 (it finds three in "dystonia", which has four).
- The Automated Readability Index counts words in a sentence and letters in a word: no syllables, no dictionary.

No word is left out of the count. Words that cannot be avoided, "dystonia" above all, are explained where they first
stand; every word of ten letters or more is listed below.
"""

import re
from collections.abc import Callable, Sequence

import pyphen
import pytest
from packaged_texts import TEXTS

from content import library, render

HARDEST_FLESCH_KINCAID = 5.5
HARDEST_ARI = 6.0
PATIENT_PAGES = sorted(slug for slug, audience in TEXTS.explanations if audience == "patient")
HYPHENATION = pyphen.Pyphen(lang="en_US")

HARD = (
    "Hypermanganesemia attributable to biallelic pathogenic variants necessitates comprehensive multidisciplinary "
    "evaluation, notwithstanding the considerable phenotypic heterogeneity characterizing neurodegenerative "
    "disorders of intracellular transition-metal homeostasis."
)
EASY = "The dog ran to the park. It was hot. The dog sat in the shade and had a drink."
SCHOOL = (
    "The liver makes a fluid that helps you to digest fat. It also stores sugar and vitamins. When the liver is ill, "
    "waste builds up in the blood, and the skin can turn yellow."
)


def words_by_sentence(paragraphs: Sequence[str]) -> list[list[str]]:
    """The words of each sentence; a paragraph, list item or cell ends a sentence, and so does a colon."""
    parts = [part for text in paragraphs for part in re.split(r"[.!?:]+(?:\s|$)", text)]
    return [words for part in parts if (words := re.findall(r"[A-Za-z][A-Za-z'’-]*", part))]


def syllables(word: str) -> int:
    """Syllables of a word, as hyphenation finds them."""
    return sum(len(HYPHENATION.positions(part)) + 1 for part in word.split("-") if part)


def flesch_kincaid(paragraphs: Sequence[str]) -> float:
    """Flesch-Kincaid grade level."""
    sentences = words_by_sentence(paragraphs)
    words = [word for sentence in sentences for word in sentence]
    return 0.39 * len(words) / len(sentences) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


def automated_readability(paragraphs: Sequence[str]) -> float:
    """Automated Readability Index."""
    sentences = words_by_sentence(paragraphs)
    words = [word for sentence in sentences for word in sentence]
    return 4.71 * sum(map(len, words)) / len(words) + 0.5 * len(words) / len(sentences) - 21.43


def prose(slug: str) -> list[str]:
    """What a patient reads on a page, without headings, which are not sentences."""
    page = TEXTS.explanations[slug, "patient"]
    markdown = f"{page.body}\n{TEXTS.statements['patient', 'en']}\n\n{page.red_flags}"
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
        ("liver", 2),
        ("x-ray", 2),
    ],
)
def test_syllables(word: str, count: int) -> None:
    assert syllables(word) == count


@pytest.mark.parametrize("grade", [flesch_kincaid, automated_readability])
def test_the_measures_tell_easy_from_hard(grade: Callable[[Sequence[str]], float]) -> None:
    assert grade([EASY]) < 2
    assert grade([EASY]) < grade([SCHOOL]) < 6
    assert grade([HARD]) > 20


@pytest.mark.parametrize("slug", PATIENT_PAGES)
def test_pages_for_patients_are_easy_to_read(slug: str) -> None:
    assert flesch_kincaid(prose(slug)) <= HARDEST_FLESCH_KINCAID
    assert automated_readability(prose(slug)) <= HARDEST_ARI


@pytest.mark.parametrize("slug", PATIENT_PAGES)
def test_what_is_repeated_on_every_page_does_not_hide_a_hard_text(slug: str) -> None:
    own = [text for text in prose(slug) if text not in set(render.plain(TEXTS.statements["patient", "en"]))]
    if slug != library.SAFETY:
        assert flesch_kincaid(own) <= HARDEST_FLESCH_KINCAID
        assert automated_readability(own) <= HARDEST_ARI


@pytest.mark.parametrize("slug", PATIENT_PAGES)
def test_no_sentence_for_patients_is_long(slug: str) -> None:
    for text in prose(slug):
        for sentence in re.split(r"[.!?:]\s", text):
            assert len(sentence.split()) <= 25, sentence


UNAVOIDABLE = {"breast-feeding", "neurologist", "sarcoidosis", "specialist", "specialists", "supplement", "supplements"}
"""Words of ten letters or more that have no easier one, or that patients meet in every leaflet."""


def test_long_words_for_patients_are_known_ones() -> None:
    sentences = [words for slug in PATIENT_PAGES for words in words_by_sentence(prose(slug))]
    assert {word.lower() for words in sentences for word in words if len(word) >= 10} == UNAVOIDABLE


@pytest.mark.parametrize("slug", PATIENT_PAGES)
def test_dystonia_is_explained_before_anything_else(slug: str) -> None:
    assert TEXTS.explanations[slug, "patient"].body.startswith(
        "Dystonia means that muscles pull or twist when you do not want them to."
    )


@pytest.mark.parametrize("slug", sorted(TEXTS.slugs))
def test_pages_for_clinicians_are_harder_than_those_for_patients(slug: str) -> None:
    page = TEXTS.explanations[slug, "clinician"]
    assert flesch_kincaid(render.plain(page.body)) > flesch_kincaid(prose(slug))
