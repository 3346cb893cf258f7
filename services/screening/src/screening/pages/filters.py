"""A form of filters above a page: it asks the same address again, without a script; what is left empty means all."""

from collections.abc import Mapping
from typing import Final

from markupsafe import Markup

_FORM: Final = Markup("""<form class="filters" method="get" action="{}" role="search" aria-label="{}">
{}
<button type="submit">Show</button>
</form>""")
_TEXT: Final = Markup('<label>{}<input type="text" name="{}" value="{}" maxlength="100" spellcheck="false"></label>')
_DAY: Final = Markup('<label>{}<input type="date" name="{}" value="{}"></label>')
_CHOICE: Final = Markup('<label>{}<select name="{}">\n{}\n</select></label>')
_OPTION: Final = Markup('<option value="{}"{}>{}</option>')
_CHOSEN: Final = Markup(" selected")
_NEXT: Final = Markup("\n")


def form(action: str, about: str, *fields: Markup) -> Markup:
    """The form.

    Args:
        action: the page's own address, relative.
        about: what is filtered, for who does not see the form.
        fields: of the functions below.
    """
    return _FORM.format(action, about, _NEXT.join(fields))


def text(label: str, name: str, value: str) -> Markup:
    """A line to type into."""
    return _TEXT.format(label, name, value)


def day(label: str, name: str, value: str) -> Markup:
    """A day, as 2026-11-23."""
    return _DAY.format(label, name, value)


def choice(label: str, name: str, options: Mapping[str, str], chosen: str) -> Markup:
    """One of `options`, value -> words."""
    listed = (_OPTION.format(value, _CHOSEN if value == chosen else "", words) for value, words in options.items())
    return _CHOICE.format(label, name, _NEXT.join(listed))
