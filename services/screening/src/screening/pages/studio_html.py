"""The card studio as HTML: the parts that the page and the exported file share. No script; everything is escaped."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from markupsafe import Markup

from screening.cards.explanations import Snapshot
from screening.domain.findings import DATA, SCREEN
from screening.domain.orders.registry import ORDER_RULES
from screening.domain.workups.registry import WORKUPS
from screening.knowledge.naming import UNSIGNED
from screening.pages import card_html, studio_facts
from screening.pages.look import LINES, table
from screening.pages.studio_cards import Shown
from screening.pages.studio_diff import ADDED, CHANGED, REMOVED, SAME, Change
from screening.pages.studio_facts import Length
from screening.pages.studio_shown import View
from screening.synthetic.specimens import AS_OF

_ROW: Final = Markup("<div><dt>{}</dt><dd>{}</dd></div>")
_FACTS: Final = Markup('<dl class="facts">\n{}\n</dl>')
_LIST: Final = Markup("<ul>{}</ul>")
_ITEM: Final = Markup("<li>{}</li>")
_CODE: Final = Markup("<code>{}</code>")
_LINK: Final = Markup('<a href="{}">{}</a>')
_MARK: Final = Markup(' <span class="mark {}">{}</span>')
_SPECIMEN: Final = Markup("""<section class="specimen" id="{anchor}">
<h4><a href="#{anchor}">{story}</a></h4>
<div class="pair">
{card}
{facts}
</div>
{more}</section>""")
_MODULE: Final = Markup('<h2 class="module" id="module-{}">{} <small>{}</small></h2>\n{}')
_NAMED: Final = Markup('<a href="#module-{}">{}</a> <small>{}</small>')
_TITLES: Final[Mapping[str, str]] = {
    SCREEN: "what has no current result",
    DATA: "what could not be assessed",
    **{workup.module: workup.described.title for workup in WORKUPS},
    **{rule.name: rule.described.title for rule in ORDER_RULES},
}
_KIND: Final = Markup('<h3 class="kind" id="{}">{}</h3>\n{}')
_CHANGE: Final = Markup('<div class="change"><h5>{}</h5>\n{}</div>')
_PART: Final = Markup('<p class="part">{}</p><p class="words">{}</p>')
_STATUS: Final = Markup('<span class="badge awaiting">{}</span>')
_NOTHING: Final = Markup('<p class="nothing">{}</p>')
_TEXT_CHANGE: Final = Markup('<div class="text-change"><h3>{}</h3>\n{}</div>')
_MARKS: Final = {"near": "near the limit", "over": "over the limit"}
_PARTS: Final = {"detail": "Detail", "summary": "Summary", "suggestions": "Suggestions", "indicator": "Indicator",
                 "overrideReasons": "Override reasons", "includes": "Includes", "topic": "Topic code", "hook": "Hook",
                 "title": "Title", "text": "Paragraph", "grade": "Evidence grade", "checker": "Sign-off"}  # fmt: skip
SIGN: Final = Markup("""<table class="sign"><thead><tr><th scope="col">Judgment</th><th scope="col">Remark</th>
<th scope="col">Name</th><th scope="col">Date</th></tr></thead>
<tbody><tr><td><span class="box"></span>agreed <span class="box"></span>to be changed
<span class="box"></span>to be dropped</td><td></td><td></td><td></td></tr></tbody></table>
""")
"""What a member of the board fills in, for each card."""


def kind_words(kind: tuple[str, str, str]) -> str:
    """A kind of card in words, e.g. `B12 ABNORMAL, warning`."""
    module, state, indicator = kind
    return f"{module} {state}, {indicator}".replace(" ,", ",")


def kind_anchor(kind: tuple[str, str, str]) -> str:
    """The address of a kind within the page, e.g. `b12-abnormal-warning`."""
    return _anchor("-".join(filter(None, kind)))


def _anchor(name: str) -> str:
    return name.lower().replace("_", "-")


def index(shown: Sequence[Shown]) -> Markup:
    """The modules with their states and indicators, each with how many specimens there are."""
    rows = []
    for module, cards in groupby(shown, key=lambda one: one.module):
        of_module = list(cards)
        kinds = {
            kind: sum(one.kind == kind for one in of_module) for kind in dict.fromkeys(one.kind for one in of_module)
        }
        links = Markup(" ").join(
            _LINK.format(f"#{kind_anchor(kind)}", f"{' '.join(kind[1:]).strip().replace('_', ' ')} ({number})")
            for kind, number in kinds.items()
        )
        rows.append((_NAMED.format(_anchor(module), module, _TITLES[module]), links, str(len(of_module))))
    return Markup('<div class="studio-index">{}</div>').format(
        table(("Module", "States and indicators", "Specimens"), rows, stacks=True)
    )


def limits(shown: Iterable[Shown]) -> Markup:
    """The longest text of each sort with its limit, and where it stands."""
    longest: dict[str, tuple[Length, str]] = {}
    for one in shown:
        for length in studio_facts.lengths(one.card, one.finding):
            if length.what not in longest or length.characters > longest[length.what][0].characters:
                longest[length.what] = length, one.anchor
    rows = ((what, _length(length), _LINK.format(f"#{anchor}", anchor)) for what, (length, anchor) in longest.items())
    return table(("Text", "Longest, of at most", "Where"), rows, stacks=True)


def specimens(view: View, *, version: str, base: str, sign: bool = False) -> Markup:
    """The cards under headings of module and kind.

    Args:
        view: what is shown.
        version: of the rules.
        base: what leads to the pages of this service; empty beside them.
        sign: with a place for the board's judgment beneath each card.
    """
    modules = []
    for module, of_module in groupby(view.shown, key=lambda one: one.module):
        kinds = [
            _KIND.format(
                kind_anchor(kind),
                kind_words(kind),
                LINES.join(_specimen(view, one, facts(one, view.texts, version, base), sign) for one in cards),
            )
            for kind, cards in groupby(of_module, key=lambda one: one.kind)
        ]
        modules.append(_MODULE.format(_anchor(module), module, _TITLES[module], LINES.join(kinds)))
    return LINES.join(modules)


def _specimen(view: View, one: Shown, told: Iterable[tuple[str, str | Markup]], sign: bool) -> Markup:
    change = view.changes.get(one.anchor)
    return _SPECIMEN.format(
        anchor=one.anchor,
        story=one.specimen.story,
        card=card_html.card(one.card, level=5),
        facts=_FACTS.format(LINES.join(_ROW.format(name, words) for name, words in told)),
        more=(_changed(change) if change is not None else Markup("")) + (SIGN if sign else Markup("")),
    )


def facts(one: Shown, texts: Snapshot, version: str, base: str) -> Iterator[tuple[str, str | Markup]]:
    """What a card is, how long it is, what it offers and rests on, and who has signed it."""
    card, finding = one.card, one.finding
    yield "Specimen", _CODE.format(one.anchor)
    yield "Topic code", _CODE.format(card["source"]["topic"]["code"])
    yield "Module, state", " ".join(filter(None, (finding.module, finding.state)))
    if finding.includes:
        yield "Includes", ", ".join(finding.includes)
    yield "Hook", ", and before signing: ".join(one.hooks)
    if one.beside:
        yield "With it came", "; ".join(one.beside)
    if one.specimen.filled:
        yield "Filled", "with names and values of a site that are as long as they may be"
    yield "Rules", version
    yield "Characters", _listed(f"{length.what}: " + _length(length) for length in _told(one))
    suggestions = card.get("suggestions", ())
    if suggestions:
        yield (
            "Suggestions",
            _listed(
                Markup("{}{}").format(suggestion["label"], _listed(studio_facts.orders(suggestion)))
                for suggestion in suggestions
            ),
        )
    if reasons := card.get("overrideReasons", ()):
        yield "Override reasons", _listed(Markup("<code>{}</code> {}").format(r["code"], r["display"]) for r in reasons)
    if named := studio_facts.sources(finding, texts):
        yield "Citations", _listed(_source(source, base) for source in named)
    yield "Sign-off", studio_facts.sign_off(finding, texts)


def _told(one: Shown) -> list[Length]:
    """The lengths worth telling of one card: those that are near a limit, the summary and the detail."""
    found = list(studio_facts.lengths(one.card, one.finding))
    labels = max((length.characters for length in found if length.what == "suggestion label"), default=0)
    return [
        length
        for length in found
        if length.mark
        or length.what in ("summary", "detail", "facts")
        or (length.what == "suggestion label" and length.characters == labels)
    ]


def _length(length: Length) -> Markup:
    limit = f" of {length.limit}" if length.limit is not None else ""
    mark = _MARK.format(length.mark, _MARKS[length.mark]) if length.mark else Markup("")
    return Markup("{}{}{}").format(f"{length.characters:,}", limit, mark)


def _source(source: studio_facts.Source, base: str) -> Markup:
    status = Markup('<span class="{}">{}</span>').format("" if source.confirmed else "unconfirmed", source.status)
    key = Markup(" [{}]").format(_LINK.format(f"{base}bibliography#ref-{source.key}", source.key)) if source.key else ""
    return Markup("{}{}: {}").format(source.text, key, status)


def _changed(change: Change) -> Markup:
    if change.what == SAME:
        return Markup("")
    if change.what == ADDED:
        return _CHANGE.format("New: was not there before.", Markup(""))
    return _CHANGE.format("Changed", parts(change))


def parts(change: Change) -> Markup:
    """The parts of a record that changed, word by word."""
    return LINES.join(_PART.format(_PARTS.get(name, name), told) for name, told in change.parts)


def text_changes(changes: Mapping[str, Change]) -> Markup:
    """The paragraphs of explanations that changed; they stand on many cards and are shown once."""
    told = [
        _TEXT_CHANGE.format(f"{slug}: {change.what}", parts(change))
        for slug, change in changes.items()
        if change.what in (ADDED, REMOVED, CHANGED)
    ]
    return LINES.join(told) if told else _NOTHING.format("No paragraph of an explanation differs.")


def counted(changes: Mapping[str, Change]) -> str:
    """How many cards were added, removed and changed."""
    numbers = {
        what: sum(change.what == what for change in changes.values()) for what in (CHANGED, ADDED, REMOVED, SAME)
    }
    return ", ".join(f"{number} {what}" for what, number in numbers.items())


def status_badge() -> Markup:
    """The state of sign-off of all that is shown."""
    return _STATUS.format(UNSIGNED.capitalize())


def as_of() -> str:
    """The day of the specimens' calls."""
    return AS_OF.date().isoformat()


def _listed(items: Iterable[str | Markup]) -> Markup:
    return _LIST.format(Markup("").join(_ITEM.format(item) for item in items))
