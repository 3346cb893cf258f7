"""Result cards when the results of their workup came only in part: nothing that was not seen is called absent."""

import re
from dataclasses import replace

from all_charts import charts

from screening.domain import screen
from screening.domain.workups.registry import BY_MODULE

ABSENT = re.compile(
    r"no \w+ on record|without albumin:|never repeated or treated|no albumin near;|nothing is said about"
)


def test_a_result_card_says_that_more_may_be_on_record_and_calls_nothing_absent() -> None:
    cards = 0
    for scenario, chart in charts():
        if scenario["hook"] != "patient-view":
            continue
        workups = frozenset(workup.id for workup in BY_MODULE.values())
        for card in screen.patient_view(replace(chart, not_looked_up=workups)).findings:
            if card.module not in BY_MODULE:
                continue
            cards += 1
            told = (card.summary, *card.statements, *(fact.criterion for fact in card.evidence))
            assert not any(ABSENT.search(words) for words in told), (scenario["id"], told)
            assert any(words.startswith("Not all results for") for words in card.statements), scenario["id"]
    assert cards > 300
