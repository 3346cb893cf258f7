"""A text that is wrong stops the start, and the error names every fault: file, field, what is wrong."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from content import library

Folder = Path


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A copy of the packaged texts, to break."""
    shutil.copytree(library.PACKAGED / "explanations", tmp_path / "explanations")
    for name in ("references.yaml", "bands.json"):
        shutil.copy(library.PACKAGED / name, tmp_path / name)
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1, f"{old!r} is not in {path.name}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def faults_of(folder: Folder) -> list[tuple[str, str]]:
    with pytest.raises(library.LibraryError) as caught:
        library.load(folder)
    for fault in caught.value.faults:
        assert str(fault) in str(caught.value)
    return [(fault.file, fault.field) for fault in caught.value.faults]


def test_the_packaged_texts_load() -> None:
    texts = library.load()
    assert set(texts.slugs) >= {"vitamin-b12", "vitamin-e", "manganese", "genetic-vs-acquired", "safety"}
    for slug in texts.slugs:
        assert (slug, "clinician") in texts.explanations
        assert (slug, "patient") in texts.explanations


def test_an_unchanged_copy_loads_with_the_same_version(folder: Folder) -> None:
    assert library.load(folder).version == library.load().version


def test_a_changed_text_changes_the_version(folder: Folder) -> None:
    change(folder / "explanations" / "vitamin-e.patient.md", "clumsy", "unsteady")
    assert library.load(folder).version != library.load().version


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("title: Vitamin E deficiency and AVED\n", "", "title"),
        ("slug: vitamin-e\n", "slug: Vitamin E\n", "slug"),
        ("slug: vitamin-e\n", "slug: vitamin-f\n", "file name"),
        ("audience: clinician", "audience: everybody", "audience"),
        ("version: 0.2.0", "version: first", "version"),
        ("review_by: 2027-05-31", "review_by: soon", "review_by"),
        ("review_by: 2027-05-31", "review_by: 2027-02-30", "review_by"),
        ("reviewed: null", "reviewed: 2026-11-01", "reviewed"),
        ("written: 2026-11-23\n", "", "written"),
        ("checker: awaiting clinical sign-off", "checker: Example Approver", "reviewed"),
        ("evidence_grade: moderate", "evidence_grade: excellent", "evidence_grade"),
        ("  - elkamil-2015\n", "", "references"),
        ("[@elkamil-2015]", "", "references"),
        ("[@elkamil-2015]", "[@nobody-2015]", "references"),
        ("language: en", "language: en\ncolour: red", "colour"),
        ("language: en", "language: en\nlanguage: de", "front matter"),
        ("---\n", "", "front matter"),
        ("Most dystonia is not nutritional. Ataxia", "Most <b>dystonia</b> is not. Ataxia", "card_text"),
        (
            "Most dystonia is not nutritional. Ataxia",
            "Most dystonia [is](https://example.org) not. Ataxia",
            "card_text",
        ),
        ("Most dystonia is not nutritional. Ataxia", "long " * 60 + "Ataxia", "card_text"),
        ("## In short", "# In short", "body"),
        ("## In short", "<script>alert(1)</script>\n\n## In short", "body"),
        ("## Red flags", "## Warnings", "body"),
    ],
)
def test_a_broken_page_is_named_with_its_field(folder: Folder, old: str, new: str, field: str) -> None:
    change(folder / "explanations" / "vitamin-e.clinician.md", old, new)
    assert ("vitamin-e.clinician.md", field) in faults_of(folder)


def test_a_link_to_a_page_that_does_not_exist_is_a_fault(folder: Folder) -> None:
    change(folder / "explanations" / "genetic-vs-acquired.patient.md", "(manganese?", "(magnesium?")
    assert ("genetic-vs-acquired.patient.md", "body") in faults_of(folder)


def test_a_page_for_patients_has_no_card_text(folder: Folder) -> None:
    words = "This paragraph is long enough to be put on a card."
    change(folder / "explanations" / "safety.patient.md", "references: []", f"references: []\ncard_text: {words}")
    assert faults_of(folder) == [("safety.patient.md", "card_text")]


def test_a_review_lies_before_its_successor_by_two_years_at_most(folder: Folder) -> None:
    page = folder / "explanations" / "safety.patient.md"
    change(
        page, "checker: awaiting clinical sign-off\nreviewed: null", "checker: Example Approver\nreviewed: 2024-05-01"
    )
    assert faults_of(folder) == [("safety.patient.md", "review_by")]


def test_a_review_of_an_older_version_does_not_sign_a_newer_one(folder: Folder) -> None:
    page = folder / "explanations" / "safety.patient.md"
    change(
        page, "checker: awaiting clinical sign-off\nreviewed: null", "checker: Example Approver\nreviewed: 2026-11-20"
    )
    assert faults_of(folder) == [("safety.patient.md", "reviewed")]


def test_a_signed_page_loads(folder: Folder) -> None:
    page = folder / "explanations" / "safety.patient.md"
    change(
        page, "checker: awaiting clinical sign-off\nreviewed: null", "checker: Example Approver\nreviewed: 2026-11-25"
    )
    signed = library.load(folder).explanations["safety", "patient"]
    assert signed.signed
    assert signed.reviewed == date(2026, 11, 25)


def test_a_reference_that_no_page_cites_is_a_fault(folder: Folder) -> None:
    with (folder / "references.yaml").open("a", encoding="utf-8") as file:
        file.write("- key: unused-2020\n  source: Example Journal\n  confirmed: true\n")
    assert faults_of(folder) == [("references.yaml", "unused-2020")]


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("\n  confirmed: true", "\n  confirmed: maybe", "efns-dystonia-2011.confirmed"),
        ("\n  confirmed: true", "\n  confirmed: false", "efns-dystonia-2011.unconfirmed"),
        ("\n  confirmed: true", "\n  confirmed: true\n  unconfirmed: [year]", "efns-dystonia-2011.unconfirmed"),
        ("\n  confirmed: true", "\n  confirmed: false\n  unconfirmed: [year]", "efns-dystonia-2011.note"),
        ("year: 2011", "year: soon", "efns-dystonia-2011.year"),
        ("doi: 10.1111/j", "doi: j", "efns-dystonia-2011.doi"),
        ("- key: efns-dystonia-2011", "- key: bertram-2012", "bertram-2012"),
    ],
)
def test_a_broken_reference_is_named_with_its_field(folder: Folder, old: str, new: str, field: str) -> None:
    change(folder / "references.yaml", old, new)
    assert ("references.yaml", field) in faults_of(folder)


def without_statements(folder: Folder) -> None:
    change(folder / "explanations" / "safety.patient.md", "## Stay safe", "## Be careful")


def with_citing_statements(folder: Folder) -> None:
    page = folder / "explanations" / "safety.clinician.md"
    change(page, "1. **Not a diagnosis.**", "1. **Not a diagnosis [@bsh-2014].**")


@pytest.mark.parametrize("breaking", [without_statements, with_citing_statements])
def test_the_safety_statements_can_be_repeated_on_every_page(
    folder: Folder, breaking: Callable[[Folder], None]
) -> None:
    breaking(folder)
    assert {field for _, field in faults_of(folder)} == {"body"}


def test_all_faults_of_all_files_are_told_at_once(folder: Folder) -> None:
    change(folder / "explanations" / "vitamin-e.clinician.md", "version: 0.2.0", "version: first")
    change(folder / "explanations" / "vitamin-e.clinician.md", "language: en", "language: English")
    change(folder / "explanations" / "manganese.patient.md", "audience: patient", "audience: dog")
    change(folder / "references.yaml", "year: 2011", "year: soon")
    assert set(faults_of(folder)) == {
        ("vitamin-e.clinician.md", "version"),
        ("vitamin-e.clinician.md", "language"),
        ("manganese.patient.md", "audience"),
        ("references.yaml", "efns-dystonia-2011.year"),
    }


def test_a_missing_bibliography_and_a_file_that_is_no_text_are_faults(folder: Folder) -> None:
    (folder / "references.yaml").unlink()
    (folder / "explanations" / "safety.patient.md").write_bytes(b"\xff\xfe\x00")
    assert faults_of(folder) == [("references.yaml", "file"), ("safety.patient.md", "front matter")]


def test_a_page_is_overdue_from_the_day_after_its_review_date() -> None:
    texts = library.load()
    earliest = min(page.review_by for page in texts.explanations.values())
    assert texts.overdue(earliest) == ()
    assert texts.overdue(date.fromordinal(earliest.toordinal() + 1)) != ()
