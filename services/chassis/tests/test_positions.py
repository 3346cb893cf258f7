"""YAML and JSON as plain values with lines."""

from typing import Any

import pytest
import yaml

from chassis import positions
from chassis.positions import Fault, Unreadable, read


@pytest.fixture(autouse=True, params=["CSafeLoader", "SafeLoader"])
def loader(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test twice: with the fast parser and with the one that is always there."""
    if not hasattr(yaml, request.param):
        pytest.skip("PyYAML was built without libyaml")
    monkeypatch.setattr(positions, "_LOADER", getattr(yaml, request.param))


def faults(text: str) -> list[str]:
    with pytest.raises(Unreadable) as caught:
        read(text)
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: b", {"a": "b"}), ("- 1\n- yes\n- 2026-01-01\n- 1e3\n", ["1", "yes", "2026-01-01", "1e3"]),
        ("[null, ~, 'null', \"\", ]", [None, None, "null", ""]), ("a:\nb: ''", {"a": None, "b": ""}),
        ('{"a": [1, true, "\\u00e9\\/"]}', {"a": ["1", "true", "\u00e9/"]}),
        ('\t[\n\t\t{"a":\t"b"}\n\t]\n', [{"a": "b"}]),
        ("# only\n- a # a comment\n", ["a"]), ("---\na: |\n  b\n  c\n", {"a": "b\nc\n"}), ("word", "word"),
    ],
)  # fmt: skip
def test_values_are_texts_lists_and_mappings(text: str, value: Any) -> None:
    assert read(text).value == value


def test_every_value_has_its_line_and_what_is_missing_that_of_what_encloses_it() -> None:
    document = read("clients:\n- name: a\n  list: [x,\n    y]\n-\n  name:\n    b\n")
    lines = {path: document.line(path) for path in [
        ("clients",), ("clients", 0), ("clients", 0, "list"), ("clients", 0, "list", 1), ("clients", 1),
        ("clients", 1, "name"),
        ("clients", 1, "missing"), ("elsewhere", 3),
    ]}  # fmt: skip
    assert list(lines.values()) == [1, 2, 3, 4, 6, 6, 6, 1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"), ("# only a comment\n", "the file is empty"), ("[\n{", "line 2: neither"),
        ("a: b\n c: d", "line 2: neither"), ('{"a": "b",\n"c" "d"}', "line 2: neither"),
        ("a: b\n\tc: d", "line 2: neither"),
        ("a: 1\nb: 2\na: 3", "line 3: a stands here a second time"), ('{"a":1,"a":1}', "line 1: a stands"),
        ("a: {b: 1,\n b: 2}", "line 2: b stands"), ("a: 1\n---\nb: 2", "line 2: a second document"),
        ("a: &x 1\nb: 2", "line 1: anchors"), ("- &x [*x]", "line 1: anchors"), ("- !secret a", "line 1: tags"),
        ("- !!python/object:os.system a", "line 1: tags"), ("? [a]\n: b", "line 1: the name of a member"),
        ("a: b\nnull: c", "line 2: the name of a member"), ("<<: {a: b}\n<<: c", "line 2: a member with an odd name"),
        ("[" * 22 + "]" * 22, "nested more than 20"), ("[" * 100_000, "nested more than 20"), ("a: \x00", "neither"),
        ('["\\ud800"]', "line 1: "),
    ],
)  # fmt: skip
def test_what_could_be_taken_in_two_ways_is_refused(text: str, said: str) -> None:
    assert said in faults(text)[0]


def test_a_name_that_may_be_a_slipped_secret_is_not_repeated() -> None:
    name = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"
    assert faults(f"{name}: 1\n{name}: 2") == [
        "line 2: a member with an odd name stands here a second time in one mapping"
    ]


def test_a_fault_without_a_line_says_its_words() -> None:
    assert (str(Fault(0, "words")), str(Fault(7, "words"))) == ("words", "line 7: words")
