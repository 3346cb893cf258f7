"""Which codes may stand in a trace: those that the rules read. Any other could be text of the record."""

import re
from functools import lru_cache
from typing import Final

from screening.domain.codes import ATC, ICD10CM, LOINC, RXNORM, SNOMED, CodeBook
from screening.trace import Codes

_SHAPES: Final = (
    (LOINC, re.compile(r"\d{1,7}-\d")),
    (SNOMED, re.compile(r"\d{6,18}")),
    (RXNORM, re.compile(r"\d{1,8}")),
    (ICD10CM, re.compile(r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?")),
    (ATC, re.compile(r"[A-Z](\d\d([A-Z]([A-Z](\d\d)?)?)?)?")),
)
"""A code that lies below a listed one (G24 lists G24.9) must also look like one."""
_OURS: Final = frozenset({"age", "t1-pallidal", "ephedrone-use", "n2o-recreational"})
"""What has no code anywhere goes by a name of ours."""
_REMEMBERED: Final = 4096


def known(book: CodeBook) -> Codes:
    """Says whether a code is in a value set, or one of the site's own that it has mapped."""
    local = frozenset(code.code for code in book.local_in(book.members))

    @lru_cache(_REMEMBERED)
    def is_known(code: str) -> bool:
        if code in _OURS or code in local:
            return True
        return any(shape.fullmatch(code) and book.sets(system, code) for system, shape in _SHAPES)

    return is_known
