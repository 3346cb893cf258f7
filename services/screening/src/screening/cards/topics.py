"""Topic codes: static, alphanumeric, CamelCase of module and state, so that an EHR can tell kinds of cards apart."""

from functools import lru_cache


@lru_cache(maxsize=256)
def topic_code(module: str, state: str) -> str:
    """`B12`, `ABNORMAL` -> `B12Abnormal`; `ORD_MN_SPECIMEN`, `` -> `OrdMnSpecimen`."""
    words = [*module.split("_"), *(state.split("_") if state else [])]
    return "".join(word.capitalize() for word in words)


@lru_cache(maxsize=256)
def topic_display(module: str, state: str) -> str:
    """The topic in words."""
    return f"{module} {state}".replace("_", " ").strip()
