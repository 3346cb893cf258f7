"""A translation says what its original says: the same sections under the same anchors, as many points in each."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from content import render

if TYPE_CHECKING:
    from content.library import Explanation


def faults(original: "Explanation | None", translation: "Explanation") -> Iterator[tuple[str, str]]:
    """What is wrong with a translation: field and words.

    One of an older version of its original is not compared with the newer one: the page says that it is outdated.
    """
    if original is None:
        yield "file", "translates a page that does not exist"
        return
    if _numbers(translation.translates) > _numbers(original.version):
        yield "translates", f"names a version that {original.file} does not have yet; it is at {original.version}"
    if translation.translates != original.version:
        return
    for field in ("evidence_grade", "references"):
        if getattr(original, field) != getattr(translation, field):
            yield field, f"is not that of {original.file}"
    texts = [f"{page.body}\n{page.red_flags}" for page in (original, translation)]
    if sorted(render.links(texts[0])) != sorted(render.links(texts[1])):
        yield "body", f"does not link to the same pages as {original.file}"
    outlines = [{section.anchor: section for section in render.outline(text)} for text in texts]
    if list(outlines[0]) != list(outlines[1]):
        yield (
            "body",
            (
                f"has other anchors than {original.file}: {', '.join(outlines[1])} instead of {', '.join(outlines[0])};"
                " a heading names its own as in '## Die Tests {#the-tests}'"
            ),
        )
        return
    for anchor, section in outlines[0].items():
        if section != outlines[1][anchor]:
            yield "body", f"has another level, or another number of points or rows, in section '{anchor}'"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
