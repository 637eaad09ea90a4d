"""YAML 1.2 as plain values with their lines; what is hostile ends early."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.prompts.reading import MAX_BYTES, MAX_VALUES, Unreadable, parse


def _refused(text: str | bytes) -> tuple[int, str]:
    with pytest.raises(Unreadable) as caught:
        parse(text if isinstance(text, bytes) else text.encode())
    return caught.value.problem.line, caught.value.problem.told("f")


def test_values_are_those_of_yaml_1_2_and_know_their_lines() -> None:
    value, lines = parse(
        b"\xef\xbb\xbfa: [1, 0o17, 0x1F, 017, 1.5, -.inf, yes, no, on, true, FALSE, ~, '5', 2020-01-01]\n"
        b"b:\n  c: |\n    x\n    y\n  d: >-\n    x\n    y\n"
    )

    assert value["a"] == [1, 15, 31, 17, 1.5, float("-inf"), "yes", "no", "on", True, False, None, "5", "2020-01-01"]
    assert value["b"] == {"c": "x\ny\n", "d": "x y"}
    assert (lines[()], lines["a", 3], lines["b",], lines["b", "c"], lines["b", "d"]) == (1, 1, 2, 3, 6)


def test_an_empty_file_is_nothing() -> None:
    assert parse(b"") == (None, {})
    assert parse(b"# only a word\n")[0] is None


def test_what_looks_like_a_number_and_is_none_is_text() -> None:
    assert parse(b"%YAML 1.1\n---\n- no\n- 1_000\n- 1:30\n- 1:30.5\n")[0] == ["no", 1000, "1:30", "1:30.5"]
    assert parse(("- " + "9" * 5000).encode())[0] == ["9" * 5000]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: [2", 2, "expected ',' or ']'"),
        ("a: 1\nb: c: d", 2, "mapping values are not allowed here"),
        ("a:\n\t- b", 2, "found character '\\t'"),
        ("a: 1\nb: \x00", 2, "a character that YAML does not allow"),
        ("a: *nobody", 1, "undefined alias"),
        ("a: 1\n---\nb: 2", 2, "another document"),
        ('a: "\\q"', 1, "unknown escape"),
        ("a: 1\na: 2", 2, "a: this name stands here twice"),
        ("a:\n  b: 1\n  b: 2", 3, "a.b: this name stands here twice"),
        ("? [1]\n: 2", 1, "a name is a text"),
        ("a: &x {b: 1}\nc:\n  <<: *x", 3, "c: a name is a text (and YAML 1.2 has no `<<`)"),
        ("a: !!python/object/apply:os.system [id]", 1, "a: a value of the kind 'tag:yaml.org,2002:python/obj"),
        ("a: !mine b", 1, "a value of the kind '!mine' is not taken"),
        ("a: !mine {b: 1}", 1, "a value of the kind '!mine' is not taken"),
        ("a: !!binary aGk=", 1, "is not taken"),
        ("a: &x [*x]", 1, "deeper than 40 levels (does an alias hold itself?)"),
        ("[" * 60, 1, "f:1: "),
        ("- " * 5000, 1, "nested too deeply"),
        ("[" * 30_000, 1, "nested too deeply"),
    ],
)
def test_what_cannot_be_taken_is_told_with_its_line(text: str, line: int, said: str) -> None:
    at, told = _refused(text)

    assert at == line
    assert said in told


def test_bytes_that_are_no_text_are_told_with_their_line() -> None:
    assert _refused(b"a: 1\nb: \xff\n") == (2, "f:2: this is no UTF-8")


def test_a_file_that_is_too_large_is_not_read() -> None:
    assert _refused("# " + "x" * MAX_BYTES) == (1, "f:1: the file is larger than 64 KiB")


def test_ten_lines_of_aliases_that_stand_for_billions_of_values_end_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 11)]
    began = time.process_time()

    _, told = _refused("\n".join(lines))

    assert f"more than {MAX_VALUES} values" in told
    assert time.process_time() - began < 2


def test_an_alias_that_stands_for_little_is_what_it_stands_for() -> None:
    assert parse(b"a: &x [1]\nb: *x")[0] == {"a": [1], "b": [1]}


@settings(max_examples=60)
@given(st.text(alphabet="ab:[]{}&*!|>-#'\"%@`, \n\t0.é\u2028", max_size=40))
def test_whatever_a_file_holds_it_is_a_value_or_a_problem_with_a_line(text: str) -> None:
    problem = None
    try:
        parse(text.encode())
    except Unreadable as error:
        problem = error.problem

    assert problem is None or (problem.line >= 1 and problem.message)
