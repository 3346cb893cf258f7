"""A card as HTML: what an EHR shows of it, and that nothing on it runs."""

import re
from typing import Any

from screening.pages import card_html

CARD: dict[str, Any] = {
    "summary": "Vitamin B12 <low> & falling",
    "indicator": "warning",
    "detail": "**What decided**\n\n- ~~old~~ 90 pg/mL\n\n| a | b |\n|---|---|\n| 1 | 2 |",
    "source": {"label": "rules", "url": "https://cds.example/explanations"},
    "suggestions": [{"label": "Order: <b>MMA</b>"}],
    "overrideReasons": [{"code": "seen", "display": "Seen & known"}],
    "links": [{"label": "Background", "url": "https://cds.example/explanations/vitamin-b12", "type": "absolute"}],
}


def test_a_card_shows_all_that_it_says() -> None:
    html = str(card_html.card(CARD))
    assert html.startswith('<article class="card" data-indicator="warning">')
    assert '<span class="indicator">Warning</span><h3>Vitamin B12 &lt;low&gt; &amp; falling</h3>' in html
    assert "<strong>What decided</strong>" in html
    assert "<s>old</s>" in html
    assert "<td>2</td>" in html
    assert '<span class="suggestion">Order: &lt;b&gt;MMA&lt;/b&gt;</span>' in html
    assert "<li>Seen &amp; known</li>" in html
    assert 'href="https://cds.example/explanations/vitamin-b12" rel="noopener noreferrer">Background</a>' in html
    assert '<footer class="source">Source: <a href="https://cds.example/explanations"' in html
    assert "<h2>" in card_html.card(CARD, level=2)


def test_what_a_card_lacks_leaves_nothing_behind() -> None:
    bare = {"summary": "S", "indicator": "info", "source": {"label": "rules"}}
    html = str(card_html.card(bare))
    assert not re.search(r'class="(detail|suggestions|overrides|links)"', html)
    assert '<footer class="source">Source: rules</footer>' in html


def test_nothing_on_a_hostile_card_runs_or_loads() -> None:
    bad = "javascript:alert(1)"
    html = str(
        card_html.card(
            {
                "summary": "<script>alert(1)</script>",
                "indicator": '"><script>',
                "detail": f"<img src=x onerror=alert(1)> ![x](https://elsewhere.example/x.png) [go]({bad})",
                "source": {"label": "<i>", "url": bad},
                "suggestions": [{"label": '"><script>'}],
                "links": [{"label": "</a><script>", "url": bad}],
            }
        )
    )
    assert not re.search(r"<(script|img|i)\b", html)
    assert f'href="{bad}' not in html
    assert 'data-indicator="info"' in html
