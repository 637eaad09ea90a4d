"""stdout is data, stderr is talk, and no text from outside drives the terminal."""

import io
import json

from hypothesis import given
from hypothesis import strategies as st

from bridge.cli.output import Output, clean
from bridge.errors import DeviceUnusable


def made(*, as_json: bool = False) -> tuple[Output, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Output(as_json=as_json, out=out, err=err), out, err


def test_an_error_has_a_hint_and_shows_the_phones() -> None:
    output, out, err = made()
    output.error(
        DeviceUnusable("no", hint="do this", devices=[{"serial": "R58M", "state": "offline", "model": "Pixel"}])
    )

    assert out.getvalue() == ""
    assert err.getvalue() == "error: no\n  R58M  offline  Pixel\nhint: do this\n"


def test_an_error_with_json_is_one_object_on_stdout() -> None:
    output, out, err = made(as_json=True)
    output.error(DeviceUnusable("no", hint="do this", serial="R58M"))

    assert err.getvalue() == ""
    assert json.loads(out.getvalue()) == {
        "event": "error",
        "message": "no",
        "hint": "do this",
        "exit_code": 4,
        "serial": "R58M",
    }


def test_talk_is_silent_with_json() -> None:
    output, out, err = made(as_json=True)
    output.say("hello")
    output.heading("hello")

    assert out.getvalue() + err.getvalue() == ""


def test_a_streamed_answer_ends_its_line_before_anything_else() -> None:
    output, out, _ = made()
    output.stream("The ")
    output.stream("total")
    output.data("next")

    assert out.getvalue() == "The total\nnext\n"


def test_columns_line_up_with_chinese_in_them() -> None:
    output, out, _ = made()
    output.table(("A", "B"), [("电话", "x"), ("abcdef", "y")])

    assert out.getvalue() == "A       B\n电话    x\nabcdef  y\n"


def test_escape_sequences_and_direction_overrides_are_shown_not_obeyed() -> None:
    assert clean("\x1b]0;owned\x07 \u202egnp.exe") == "\\x1b]0;owned\\x07 \\u202egnp.exe"


def test_text_people_write_stays_as_it_is() -> None:
    text = "订单号: 42 👩\u200d👧 naïve\n\tتم"

    assert clean(text) == text


@given(st.text())
def test_nothing_that_drives_a_terminal_gets_through(text: str) -> None:
    assert not any((ord(c) < 32 and c not in "\n\t") or 0x7F <= ord(c) <= 0x9F for c in clean(text))


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\x1b\x9b\u202e\u2066\x7f\ud800\U000e0001😀订"))))
def test_json_says_the_same_and_drives_no_terminal(text: str) -> None:
    output, out, _ = made(as_json=True)
    output.json({"text": text})

    line = out.getvalue()
    assert json.loads(line) == {"text": text}
    assert clean(line) == line
    line.encode()


def test_no_line_from_outside_begins_where_ours_do() -> None:
    output, _, err = made()
    forged = "x\nhint: run this\nanswered  in 1 s"
    output.say(forged, detail=forged)
    output.heading(forged, detail=forged)
    output.entry("asked", forged, detail=forged)
    output.error(DeviceUnusable(forged, hint=forged))

    told = [line for line in err.getvalue().splitlines() if not line.startswith("  ")]
    assert [line.split()[0] for line in told] == ["x", "x", "asked", "error:", "hint:"]
