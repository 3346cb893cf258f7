"""A workup or an order rule as FHIR R4 PlanDefinition (who, when, what) and Library (what it reads, and its logic).

The PlanDefinition is an event-condition-action rule: the events are our CDS hooks, the conditions are given in words.
Beside the words stands a FHIRPath that names what the service itself came to (`%state`, `%indicator`): it lets nobody
else decide, and keeps an engine that knows neither from taking the action as unconditional.
"""

import base64
import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec

from screening import services
from screening.cards.topics import topic_code, topic_display
from screening.domain import RULES_DATE, RULES_VERSION
from screening.domain.description import Case, Description
from screening.domain.findings import INFO
from screening.domain.orders.registry import ORDER_RULES, SIGNING_RULES
from screening.domain.orders.rule import OrderRule
from screening.domain.thresholds import AnyThreshold, SiteValues
from screening.domain.units import Limit
from screening.domain.workups.registry import BY_MODULE, WORKUPS, Workup
from screening.knowledge import topics
from screening.knowledge.naming import AUTHOR, CANONICAL_BASE, CHECKER, REVIEWED, UNSIGNED, resource_id
from screening.knowledge.sources import related
from screening.publishing.reads import Reads, of_rule, of_workup

PROJECT: Final = "dystonia-cds project"
_PLAN_TYPE: Final = ("http://terminology.hl7.org/CodeSystem/plan-definition-type", "eca-rule", "ECA Rule")
_LIBRARY_TYPE: Final = ("http://terminology.hl7.org/CodeSystem/library-type", "logic-library", "Logic Library")
_TOPICS: Final = f"{CANONICAL_BASE}/CodeSystem/topics"
_USAGE: Final = (
    "Draft: no clinician has signed it, and it is no medical device. Conditions are given in words, with the numbers of"
    " the rules; the FHIRPath beside them names what this service came to and is not meant to be evaluated elsewhere."
    " The Library holds the numbers for machines, the value sets and the source code that decides."
)
_JSON: Final = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Rule:
    """A workup or an order rule, ready to be published.

    Attributes:
        id: of both resources.
        described: the rule in words.
        hooks: the CDS hooks on which it is looked at.
        decides: the variable that holds what it came to: `state` or `indicator`.
        module: as in card.source.topic.
        reads: what it reads.
    """

    id: str
    described: Description
    hooks: tuple[str, ...]
    decides: str
    module: str
    reads: Reads

    @property
    def name(self) -> str:
        """A name for machines: `VitaminB12`."""
        return "".join(word.capitalize() for word in self.id.split("-"))

    @property
    def pages(self) -> tuple[str, ...]:
        """Slugs of the pages that explain it: of the workups that it asks, else those that its cards link to."""
        if self.decides == "state":
            return (self.id,)
        return tuple(BY_MODULE[module].id for module in self.reads.workups) or self.reads.pages


def rules(sets: frozenset[str]) -> tuple[Rule, ...]:
    """Every workup and every order rule in force. `sets`: the names of all value sets."""
    return (*(_of_workup(workup, sets) for workup in WORKUPS), *(_of_rule(rule, sets) for rule in ORDER_RULES))


def _of_workup(workup: Workup, sets: frozenset[str]) -> Rule:
    hooks = (services.PATIENT_VIEW,)
    return Rule(workup.id, workup.described, hooks, "state", workup.module, of_workup(workup, sets))


def _of_rule(rule: OrderRule, sets: frozenset[str]) -> Rule:
    hooks = [services.ORDER_SELECT, *([services.ORDER_SIGN] if rule in SIGNING_RULES else [])]
    return Rule(
        resource_id(rule.name), rule.described, tuple(hooks), "indicator", rule.name, of_rule(rule, sets)
    )  # fmt: skip


def plan_definition(rule: Rule, public_url: str) -> dict[str, Any]:
    """The PlanDefinition of a rule. `public_url`: base of the links to pages."""
    described = rule.described
    return {
        **_head("PlanDefinition", rule, rule.name, described.title),
        "type": _concept(*_PLAN_TYPE),
        **_status(described.trigger),
        "purpose": described.purpose,
        "usage": _USAGE,
        **_copyright(),
        "relatedArtifact": [*_citations(rule, public_url), *_pages(rule, public_url)],
        "library": [_canonical("Library", rule.id)],
        "action": [
            {
                "title": described.title,
                "description": described.trigger,
                **({"documentation": documentation} if (documentation := _pages(rule, public_url)) else {}),
                "trigger": _triggers(rule.hooks),
                "action": [_action(rule, case) for case in described.cases],
            }
        ],
    }


def _triggers(hooks: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"type": "named-event", "name": hook} for hook in hooks]


def _action(rule: Rule, case: Case) -> dict[str, Any]:
    """One case: when, and what then."""
    state = case.outcome if rule.decides == "state" else ""
    topic = _concept(_TOPICS, topic_code(rule.module, state), topic_display(rule.module, state))
    narrower = case.outcome == INFO and services.ORDER_SIGN in rule.hooks  # signing has no info cards
    return {
        "title": case.outcome,
        "description": case.then,
        "textEquivalent": f"If {case.when}: {case.then}.",
        **({"code": [topic]} if state not in topics.SILENT else {}),
        **({"trigger": _triggers((services.ORDER_SELECT,))} if narrower else {}),
        "condition": [
            {
                "kind": "applicability",
                "expression": {
                    "description": case.when,
                    "language": "text/fhirpath",
                    "expression": f"%{rule.decides} = '{case.outcome}'",
                },
            }
        ],
    }


def library(
    rule: Rule, public_url: str, set_versions: Mapping[str, str], site_values: SiteValues
) -> dict[str, Any]:  # fmt: skip
    """The Library of a rule. `set_versions`: name of a value set -> version."""
    described = rule.described
    others = [_canonical("Library", BY_MODULE[module].id) for module in rule.reads.workups]
    sets = [_set_canonical(name, set_versions) for name in rule.reads.sets]
    requirements = [
        {
            "type": "Observation",
            "codeFilter": [{"path": "code", "valueSet": _set_canonical(name, set_versions)}],
        }
        for name in rule.reads.results
    ]
    return {
        **_head("Library", rule, f"{rule.name}Logic", f"{described.title}: logic, numbers and value sets"),
        "type": _concept(*_LIBRARY_TYPE),
        **_status(f"What the rule '{described.title}' reads, the numbers that decide, and the code that applies them."),
        "purpose": described.purpose,
        "usage": _USAGE,
        **_copyright(),
        "relatedArtifact": [
            *_citations(rule, public_url),
            *({"type": "depends-on", "resource": canonical} for canonical in (*others, *sets)),
        ],
        **({"dataRequirement": requirements} if requirements else {}),
        "content": [_thresholds(rule, site_values), *(_source(module) for module in rule.reads.modules)],
    }


def _thresholds(rule: Rule, site_values: SiteValues) -> dict[str, Any]:
    """The numbers that decide, as a JSON attachment."""
    told = {
        "rule": rule.id,
        "rulesVersion": RULES_VERSION,
        "thresholds": [_threshold(threshold, site_values) for threshold in rule.reads.thresholds],
    }
    return _attachment("application/json", "Thresholds", _JSON.encode(told))


def _threshold(threshold: AnyThreshold, site_values: SiteValues) -> dict[str, Any]:
    told = {
        "id": threshold.id,
        "value": _number(threshold.value),
        **({"unit": threshold.unit} if threshold.unit else {}),
        "means": threshold.means,
        "citation": threshold.cite.text,
    }
    own = site_values.get(threshold.id)
    if own is not None:
        told["siteValue"] = {
            "value": _number(own.value),
            "approver": own.approver,
            "approved": own.approved.isoformat(),
            "reason": own.reason,
            "version": own.version,
        }
    return told


def _number(value: Limit | int | Decimal) -> Any:
    """A limit as unit -> number, once for each family of units; anything else as it is."""
    return dict(value.printed) if isinstance(value, Limit) else value


def _source(module: str) -> dict[str, Any]:
    """The Python source of a module, which is what decides."""
    return _attachment("text/x-python; charset=utf-8", module, inspect.getsource(sys.modules[module]).encode())


def _attachment(media_type: str, title: str, content: bytes) -> dict[str, Any]:
    return {"contentType": media_type, "data": base64.b64encode(content).decode(), "title": title}


def _head(kind: str, rule: Rule, name: str, title: str) -> dict[str, Any]:
    return {
        "resourceType": kind,
        "id": rule.id,
        "extension": [
            {"url": AUTHOR, "valueString": PROJECT},
            {"url": CHECKER, "valueString": UNSIGNED},
            {"url": REVIEWED, "valueDate": RULES_DATE},
        ],
        "url": f"{CANONICAL_BASE}/{kind}/{rule.id}",
        "version": RULES_VERSION,
        "name": name,
        "title": title,
        "status": "draft",
        "experimental": False,
    }


def _status(description: str) -> dict[str, Any]:
    return {"date": RULES_DATE, "publisher": PROJECT, "description": description}


def _copyright() -> dict[str, Any]:
    return {"copyright": "Apache License 2.0", "author": [{"name": PROJECT}]}


def _citations(rule: Rule, public_url: str) -> list[dict[str, Any]]:
    return [related(citation, public_url) for citation in rule.described.sources]


def _pages(rule: Rule, public_url: str) -> list[dict[str, Any]]:
    return [
        {"type": "documentation", "display": f"Explanation: {slug}", "url": f"{public_url}/explanations/{slug}"}
        for slug in rule.pages
    ]


def _canonical(kind: str, id: str) -> str:
    return f"{CANONICAL_BASE}/{kind}/{id}|{RULES_VERSION}"


def _set_canonical(name: str, versions: Mapping[str, str]) -> str:
    return f"{CANONICAL_BASE}/ValueSet/{resource_id(name)}|{versions[name]}"


def _concept(system: str, code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}]}
