"""Check digits of SNOMED CT (Verhoeff) and LOINC (mod 10): they tell a typing error from a code."""

import re
from typing import Final

_PERMUTATION: Final = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _times(a: int, b: int) -> int:
    """The product in the dihedral group D5."""
    if a < 5:
        return (a + b) % 5 if b < 5 else (a + b) % 5 + 5
    return (a - b) % 5 + 5 if b < 5 else (a - b) % 5


def verhoeff_holds(code: str) -> bool:
    """Whether this is a SNOMED CT identifier: 6 to 18 digits, the last of which is the Verhoeff check digit."""
    if not re.fullmatch(r"[1-9][0-9]{5,17}", code):
        return False
    check = 0
    for place, digit in enumerate(reversed(code)):
        value = int(digit)
        for _ in range(place % 8):
            value = _PERMUTATION[value]
        check = _times(check, value)
    return check == 0


def mod_10_holds(code: str) -> bool:
    """Whether this is a LOINC code: up to 7 digits, a dash, and the mod-10 check digit."""
    match = re.fullmatch(r"([1-9][0-9]{0,6})-([0-9])", code)
    if match is None:
        return False
    total = 0
    for place, each in enumerate(reversed(match[1])):
        value = int(each) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return (10 - total % 10) % 10 == int(match[2])
