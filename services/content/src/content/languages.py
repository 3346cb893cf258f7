"""The languages of pages, which one a reader gets, and the words around a text in each of them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from werkzeug.datastructures import LanguageAccept

from content.settings import DEFAULT_REPORT_CONTACT

ORIGINAL: Final = "en"
"""The language in which every page is written first; the others are translations of it."""

_TAG: Final = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,4}\Z")


@dataclass(frozen=True)
class Words:
    """What stands around the text of a page, in one language. `{}` is filled in."""

    name: str
    site: str
    site_nav: str
    skip: str
    all_pages: str
    safety: str
    bibliography: str
    footer: tuple[str, str]
    opening: str
    list_opening: str
    list_title: str
    awaiting: str
    checked: str
    overdue: str
    audience: str
    for_audience: Mapping[str, str]
    language: str
    contents: str
    references: str
    about: str
    sources: str
    sources_link: str
    table: str
    about_rows: tuple[str, ...]
    checker_awaiting: str
    none_yet: str
    grades: Mapping[str, str]
    translated_from: str
    translation_of: str
    outdated: str
    original_link: str
    only_original: str
    statements: str
    report: tuple[str, str]
    default_contact: str
    day_format: str

    def day(self, day: date) -> str:
        """A day as readers of this language write it."""
        return day.strftime(self.day_format)


ENGLISH: Final = Words(
    name="English",
    site="Dystonia CDS explanations",
    site_nav="Site",
    skip="Skip to the text",
    all_pages="All pages",
    safety="Safety",
    bibliography="Bibliography",
    footer=(
        "Dystonia CDS screens for treatable causes of dystonia. It supports a clinician's decision and makes none.",
        "A card or a page is wrong? Tell the clinical safety lead or the IT service of your own site; each page says "
        "how. Never put patient data into the project's public issue tracker.",
    ),
    opening="This is information to support a clinician's decision. It is not a diagnosis.",
    list_opening="What stands behind the cards: how a result is read, why a test is proposed, and what must not be "
    "missed.",
    list_title="Explanations",
    awaiting="Awaiting clinical sign-off",
    checked="Checked by {} on {}",
    overdue="Past its review date: {}",
    audience="Audience",
    for_audience={"clinician": "For clinicians", "patient": "For patients"},
    language="Language",
    contents="On this page",
    references="References",
    about="About this page",
    sources="The {} lists the medical sources.",
    sources_link="page for clinicians",
    table="Table",
    about_rows=(
        "Sign-off", "Author", "Checker", "Version", "Date of this version", "Last clinical review",
        "Next review due by", "Evidence grade", "Why this grade",
    ),
    checker_awaiting="awaiting clinical sign-off",
    none_yet="none yet",
    grades={"low": "low", "moderate": "moderate", "high": "high"},
    translated_from="Translated from",
    translation_of="the English page, version {}",
    outdated="This translation is of version {} of the English page, which is now at version {}. What has changed "
    "since is missing here.",
    original_link="Read the English page",
    only_original="This page has not been translated into the language that was asked for. This is the English text.",
    statements="Stay safe",
    report=(
        "Is something wrong here?",
        "Tell your clinician or {}. They can report a wrong card. Say which page you read and its version. "
        "Do not post facts about your health on the web pages of this project.",
    ),
    default_contact=DEFAULT_REPORT_CONTACT,
    day_format="%Y-%m-%d",
)  # fmt: skip

GERMAN: Final = Words(
    name="Deutsch",
    site="Dystonia CDS: Erklärungen",
    site_nav="Bereiche",
    skip="Zum Text springen",
    all_pages="Alle Seiten",
    safety="Sicherheit",
    bibliography="Quellen (englisch)",
    footer=(
        "Dystonia CDS sucht nach Ursachen einer Dystonie, die man behandeln kann. Das Programm hilft Ärztinnen und "
        "Ärzten. Es entscheidet nichts.",
        "Stimmt etwas auf einer Seite nicht? Sagen Sie es Ihrer Praxis oder Klinik. Jede Seite sagt, wie. Schreiben "
        "Sie nie Angaben über Ihre Gesundheit auf die öffentlichen Seiten dieses Projekts.",
    ),
    opening="Diese Seite hilft Ihnen und Ihrer Ärztin oder Ihrem Arzt. Sie ist keine Diagnose.",
    list_opening="Seiten für Patientinnen und Patienten: was die Tests zeigen, was man tun kann und wann es eilig ist.",
    list_title="Erklärungen",
    awaiting="Wartet auf ärztliche Prüfung",
    checked="Geprüft von {} am {}",
    overdue="Die Prüfung war fällig am {}",
    audience="Für wen",
    for_audience={"clinician": "Für Fachleute (englisch)", "patient": "Für Patientinnen und Patienten"},
    language="Sprache",
    contents="Auf dieser Seite",
    references="Quellen",
    about="Über diese Seite",
    sources="Die medizinischen Quellen stehen auf der {}.",
    sources_link="Seite für Fachleute (englisch)",
    table="Tabelle",
    about_rows=(
        "Ärztliche Prüfung", "Verfasst von", "Geprüft von", "Version", "Stand dieser Version",
        "Letzte ärztliche Prüfung", "Nächste Prüfung bis", "Wie sicher ist das?", "Warum",
    ),
    checker_awaiting="wartet auf ärztliche Prüfung",
    none_yet="noch keine",
    grades={"low": "wenig gesichert", "moderate": "mittel gesichert", "high": "gut gesichert"},
    translated_from="Übersetzt aus",
    translation_of="englische Seite, Version {}",
    outdated="Diese Übersetzung gehört zu Version {} der englischen Seite. Die englische Seite hat jetzt Version {}. "
    "Was seither geändert wurde, fehlt hier.",
    original_link="Zur englischen Seite",
    only_original="Diese Seite gibt es nur auf Englisch.",
    statements="Sicher bleiben",
    report=(
        "Stimmt hier etwas nicht?",
        "Sagen Sie es Ihrer Ärztin oder Ihrem Arzt. Zuständig für Fehler ist: {}. Sagen Sie, welche Seite Sie gelesen "
        "haben und welche Version. Schreiben Sie keine Angaben über Ihre Gesundheit auf die Webseiten dieses Projekts.",
    ),
    default_contact="das Team, das diesen Dienst bei Ihnen betreibt",
    day_format="%d.%m.%Y",
)  # fmt: skip

WORDS: Final[Mapping[str, Words]] = {ORIGINAL: ENGLISH, "de": GERMAN}
"""The languages that a page may have."""


@dataclass(frozen=True)
class Choice:
    """Which language a reader gets.

    Attributes:
        language: one that the page has.
        missed: where it is none that the reader wants, the language in which this is said; else empty.
    """

    language: str
    missed: str = ""


def is_tag(text: str) -> bool:
    """Whether a text has the form of a language tag, such as `de` or `de-CH`."""
    return _TAG.match(text) is not None


def choose(asked: str | None, accepted: LanguageAccept, available: Iterable[str]) -> Choice:
    """The language for a reader, of those that a page has.

    Args:
        asked: a language tag from the address; it outweighs what the browser prefers.
        accepted: what the browser prefers.
        available: the languages of the page.
    """
    offered = {ORIGINAL, *available}
    if asked is None and not accepted:
        return Choice(ORIGINAL)
    tags = [asked] if asked is not None else [tag for tag, quality in accepted if quality > 0]
    wanted = [ORIGINAL if tag == "*" else tag.partition("-")[0].lower() for tag in tags]
    best = next((language for language in wanted if language in offered), None)
    if best is not None:
        return Choice(best)
    return Choice(ORIGINAL, next((language for language in wanted if language in WORDS), ORIGINAL))
