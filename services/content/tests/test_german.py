"""The German pages for patients: complete, as easy to read as the English ones, and with the same warnings.

The first Vienna formula (Wiener Sachtextformel; Bamberger and Vanecek 1984) gives a school grade; grade 4 is age 9 to
10. It counts long words, words of three or more syllables, words of one syllable, and words in a sentence. Syllables
come from Pyphen's German hyphenation.
"""

import re

import pyphen
import pytest
from packaged_texts import TEXTS

from content import render
from content.library import Explanation

HARDEST = 4.5
GERMAN = {slug: pages["de"] for (slug, _), pages in TEXTS.translations.items()}
TRANSLATED = {
    "calcium-vitamin-d", "copper-wilson", "diet", "genetic-vs-acquired", "iron-nbia", "manganese", "red-flags",
    "safety", "seeing-a-neurologist", "vitamin-b12", "vitamin-e",
}  # fmt: skip
HYPHENATION = pyphen.Pyphen(lang="de_DE")
HARD = (
    "Die Differenzialdiagnostik neurodegenerativer Metallspeichererkrankungen erfordert interdisziplinäre Beurteilung "
    "unter Berücksichtigung laborchemischer, molekulargenetischer und bildgebender Untersuchungsergebnisse."
)
EASY = "Der Hund lief in den Park. Es war heiß. Er lag im Gras und trank viel Wasser."
STATEMENTS = (
    "bevor Sie etwas anfangen oder absetzen",
    "Ein normaler Test schließt nicht jede Ursache aus.",
    "Rufen Sie den Notruf, wenn Sie nicht gut atmen oder schlucken können.",
    "Zu wenig Vitamin B12 mit tauben oder schwachen Beinen muss schnell behandelt werden.",
    "Viel Vitamin E kann Blutungen auslösen",
    "Nur besondere Fachleute sollen solche Mittel geben.",
    "nicht auf einmal ab. Das kann schaden.",
    "Für Sie gelten andere Grenzen.",
)
"""The safety statements: what each page says, as the English one does."""


def prose(page: Explanation) -> list[str]:
    """What is read on a page, without headings."""
    markdown = f"{page.body}\n{TEXTS.statements['patient', 'de']}\n\n{page.red_flags}"
    titles = {text for _, text in render.headings(markdown)}
    return [text for text in render.plain(markdown) if text not in titles] + [page.evidence_reason]


def grade(paragraphs: list[str]) -> float:
    """The first Vienna formula."""
    sentences = [part for text in paragraphs for part in re.split(r"[.!?:]+(?:\s|$)", text) if re.search(r"\w", part)]
    words = [word for sentence in sentences for word in re.findall(r"[^\W\d_]+", sentence)]
    syllables = [len(HYPHENATION.positions(word)) + 1 for word in words]
    of_words = 100 / len(words)
    return (
        0.1935 * sum(count >= 3 for count in syllables) * of_words
        + 0.1672 * len(words) / len(sentences)
        + 0.1297 * sum(len(word) > 6 for word in words) * of_words
        - 0.0327 * sum(count == 1 for count in syllables) * of_words
        - 0.875
    )


def test_the_pages_are_there_and_none_is_outdated() -> None:
    assert set(GERMAN) >= TRANSLATED
    assert [page.file for page in TEXTS.outdated()] == []


def test_the_formula_tells_easy_from_hard() -> None:
    assert grade([EASY]) < 2
    assert grade([HARD]) > 15


@pytest.mark.parametrize("slug", sorted(GERMAN))
def test_pages_are_easy_to_read_and_say_what_every_page_has_to(slug: str) -> None:
    page = GERMAN[slug]
    texts = prose(page)
    assert grade(texts) <= HARDEST
    assert grade(list(render.plain(f"{page.body}\n{page.red_flags}"))) <= HARDEST
    for text in texts:
        for sentence in re.split(r"[.!?:]\s", text):
            assert len(sentence.split()) <= 25, sentence
    whole = " ".join(texts)
    assert page.body.startswith("Dystonie heißt: Muskeln ziehen oder verdrehen sich, ohne dass Sie es wollen.")
    assert [statement for statement in STATEMENTS if statement not in whole] == []
    assert "bevor Sie etwas anfangen oder absetzen" in " ".join(page.body.split())


@pytest.mark.parametrize("slug", sorted(GERMAN))
def test_pages_have_no_abbreviation_percentage_dose_or_gene(slug: str) -> None:
    page = GERMAN[slug]
    whole = " ".join([page.title, *prose(page)])
    assert re.findall(r"\b[A-ZÄÖÜ]{2,}\b|\b[a-z]\. ?[A-Z]\.|\bbzw\.|\busw\.|%|Prozent|[®™]", whole) == []
    assert re.findall(r"\d\s?(mg|mcg|µg|IE)\b", whole) == []
    assert re.findall(r"\b(you|your|the|and)\b", whole) == []
