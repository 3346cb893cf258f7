"""The page of the workbench: what a reader sees before any script runs, and the places that the scripts fill.

Without JavaScript it is for reading: the patients, each with story, record, timeline, draft orders and cards. With it
the page plays the EHR (`assets/workbench.js`). All that comes in is escaped, unless it is Markup of ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any, Final

from markupsafe import Markup

from screening.pages import look
from screening.pages.look import LINES
from screening.services import ORDER_SELECT, ORDER_SIGN, PATIENT_VIEW

Case = Mapping[str, Any]
"""A case as in cases.json: `id`, `title`, `story`, `group`, `hook`, `expects` (a list of words), and more."""

HOOKS: Final[Mapping[str, str]] = {
    PATIENT_VIEW: "the chart is opened",
    ORDER_SELECT: "an order is selected",
    ORDER_SIGN: "orders are to be signed",
}
"""Hook -> when an EHR calls it."""

SCRIPTS: Final = ("workbench.js",)
STYLES: Final = ("cards.css", "timeline.css", "workbench.css")

_BODY: Final = Markup("""<p class="opening">This page plays the EHR: it opens a synthetic patient's chart, answers the
prefetch, calls the service, shows the cards and all that went over the wire.</p>
<noscript><p class="language-note">JavaScript is off, so this page is for reading: stories, records and the cards that
the service gives. With JavaScript it makes the calls, shows requests, responses and the reasons behind an answer, takes
draft orders and Bundles of yours, and sends feedback. <a href="#chooser">To the patients</a>.</p></noscript>
<div class="workbench" id="workbench" data-base="{base}" data-case="{case[id]}" data-hook="{hook}" data-today="{today}">
<nav class="patients" aria-label="Synthetic patients">
<details class="chooser" id="chooser" open>
<summary><h2>Patients <span class="more">or a record of yours</span></h2></summary>
<div id="own"></div>
<div id="finder"></div>
{groups}
</details>
</nav>
<section class="chart" aria-labelledby="case-title">
<div id="case">
<h2 id="case-title" tabindex="-1">{case[title]}</h2>
<p class="story">{case[story]}</p>
{expects}
</div>
<nav class="hooks" aria-label="Hook" id="hooks">{hooks}</nav>
<div id="orders">{drafts}</div>
<div class="bar" id="bar"></div>
<h3 id="cards-title" tabindex="-1">Cards</h3>
<div id="cards">{cards}</div>
<div id="held"></div>
<section aria-labelledby="timeline-title">
<h3 id="timeline-title">Results against the criteria</h3>
<div id="timeline">{timeline}</div>
</section>
<section aria-labelledby="record-title">
<h3 id="record-title">Record</h3>
<div id="record">{record}</div>
</section>
</section>
<section class="exchange" id="exchange" aria-labelledby="exchange-title" hidden>
<h2 id="exchange-title">Over the wire</h2>
</section>
</div>
<section class="next" aria-labelledby="next-title">
<h2 id="next-title">With a client of your own</h2>
<ul>
<li>Give your CDS client the address of <a href="{base}cds-services">discovery</a>. In a try-out, calls from this
machine need no token.</li>
<li>After a few calls, the <a href="{base}prefetch-doctor">prefetch doctor</a> says what came of each key, and what
your EHR has to send; <a href="{base}trace">why and why not</a> is told of every call, and the
<a href="{base}report">report</a> counts how cards are answered.</li>
<li>Every limit that decides, and what this site has set itself: <a href="{base}thresholds">thresholds</a>. Every card
that can come: the <a href="{base}studio">studio</a>.</li>
</ul>
</section>
""")
_GROUP: Final = Markup('<h3 class="group">{}</h3>\n<ul class="cases">\n{}\n</ul>')
_CASE: Final = Markup('<li><a href="{base}workbench/{case[id]}"{here} data-words="{words}">{case[title]}</a></li>')
_HERE: Final = Markup(' aria-current="page"')
_EXPECTS: Final = Markup('<p class="expects"><strong>What should come on {}:</strong> {}</p>')
_HOOK: Final = Markup(
    '<a href="{base}workbench/{id}?hook={hook}" data-hook="{hook}"{here}><code>{hook}</code> <span>{when}</span></a>'
)
_TRUE: Final = Markup(' aria-current="true"')
_NO_CARD: Final = Markup('<p class="silence">No card.</p>')
_NOT_CALLED: Final = Markup('<p class="silence">No draft order, so the service is not called.</p>')


@dataclass(frozen=True, slots=True)
class Reading:
    """One case for reading, its parts as HTML.

    Attributes:
        case: as in cases.json.
        hook: whose cards are shown.
        drafts: the draft orders; empty where the hook has none.
        cards: empty when there are none.
        timeline: the results against the criteria.
        record: the tables of the record.
    """

    case: Case
    hook: str
    drafts: Markup
    cards: Markup
    timeline: Markup
    record: Markup


def page(cases: Sequence[Case], reading: Reading, today: date, depth: int) -> str:
    """The whole page, to be sent with the headers `look.RUNNING`.

    Args:
        cases: all of them, those of a group together, in the order of the list.
        reading: the one that is open.
        today: the day of the calls.
        depth: 0 at `/`, 1 at `/workbench/{case}`.
    """
    base = "../" * depth or "./"
    groups = (
        _GROUP.format(name, LINES.join(_listed(one, base, reading.case) for one in members))
        for name, members in groupby(cases, key=lambda one: str(one["group"]))
    )
    hooks = Markup(" ").join(
        _HOOK.format(
            base=base, id=reading.case["id"], hook=hook, when=when, here=_TRUE if hook == reading.hook else Markup("")
        )
        for hook, when in HOOKS.items()
    )
    expected = "; ".join(reading.case["expects"]) or "no card"
    body = _BODY.format(
        base=base,
        case=reading.case,
        hook=reading.hook,
        today=today.isoformat(),
        groups=LINES.join(groups),
        expects=_EXPECTS.format(reading.case["hook"], expected),
        hooks=hooks,
        drafts=reading.drafts,
        cards=reading.cards or (_NO_CARD if reading.hook == PATIENT_VIEW or reading.drafts else _NOT_CALLED),
        timeline=reading.timeline,
        record=reading.record,
    )
    named = f"{reading.case['title']} · Workbench"
    return look.page("Workbench", body, depth, scripts=SCRIPTS, styles=STYLES, current=look.WORKBENCH, named=named)


def _listed(case: Case, base: str, chosen: Case) -> Markup:
    words = " ".join(str(case[name]) for name in ("title", "story", "group")).lower()
    return _CASE.format(base=base, case=case, words=words, here=_HERE if case["id"] == chosen["id"] else Markup(""))
