"""Every written scenario as a chart, and what the rules make of it: made once a process, when first asked for."""

from functools import cache
from typing import Any

from chart_builder import build
from judging import screened
from scenario_files import written

from screening.domain.chart import Chart
from screening.domain.screen import Screening
from screening.knowledge.loading import code_book


@cache
def charts() -> tuple[tuple[dict[str, Any], Chart], ...]:
    """Each scenario with its chart."""
    return tuple((case.scenario, build(case.scenario, code_book())) for case in written())


@cache
def screenings() -> tuple[tuple[dict[str, Any], Screening], ...]:
    """Each scenario with what the rules say on its hook."""
    return tuple((scenario, screened(chart, scenario)) for scenario, chart in charts())
