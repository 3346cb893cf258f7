"""Marks: a word that occurs nowhere else, put wherever free text of a patient or a secret may stand."""

from typing import Any, Final

MARK: Final = "zzmarkzz"

KEPT: Final = frozenset({"resourceType", "system", "status", "intent", "hook", "code", "id"})
"""Keys whose values decide what is read at all; marking them would only make the chart unreadable."""


def marked(node: Any, key: str = "") -> Any:
    """A copy in which every string that may be free text carries the mark."""
    if isinstance(node, dict):
        return {name: marked(value, name) for name, value in node.items()}
    if isinstance(node, list):
        return [marked(item, key) for item in node]
    if key == "unit":
        return f"{node} {MARK}"
    if isinstance(node, str) and key not in KEPT and not node[:4].isdigit() and "/" not in node:
        return f"{node}{MARK}"
    return node
