"""Which SMART scopes our searches need, so that nobody has to find them out by e-mail.

The first version of SMART App Launch writes `patient/Observation.read` for reading and searching, the second
`patient/Observation.rs`, which a server may narrow by a search (`?category=...`). A service that is called by a user
may be given `user/` scopes in their place.
"""

import re
from collections.abc import Iterable
from typing import Final

FHIR_VERSION: Final = "4.0.1"
_TYPE: Final = re.compile(r"[A-Za-z]+")
_INCLUDED: Final = re.compile(r"_include=\w+:(\w+)")
_LABORATORY: Final = "category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory"


def resources(template: str) -> tuple[str, ...]:
    """The types of resources that a template reads: the one it asks for, and those that it includes."""
    asked = _TYPE.match(template)
    included = (name.capitalize() for name in _INCLUDED.findall(template))
    return tuple(dict.fromkeys([*([asked[0]] if asked else []), *included]))


def first(template: str) -> tuple[str, ...]:
    """The scopes of a template as SMART App Launch 1 writes them."""
    return tuple(f"patient/{kind}.read" for kind in resources(template))


def second(template: str) -> tuple[str, ...]:
    """The scopes of a template as SMART App Launch 2 writes them."""
    return tuple(f"patient/{kind}.rs" for kind in resources(template))


def narrowest(template: str, *, laboratory: bool) -> tuple[str, ...]:
    """The least that a server which narrows scopes may grant for a template.

    Only for `laboratory` searches is there a category that every server knows.
    """
    granted = second(template)
    return tuple(f"{one}?{_LABORATORY}" for one in granted) if laboratory else granted


def together(several: Iterable[tuple[str, ...]]) -> list[str]:
    """Every scope once, in the order in which they first come."""
    return list(dict.fromkeys(scope for scopes in several for scope in scopes))
