"""What a connected phone does reads like a log that a person would write."""

import io
import json
from typing import Any

from bridge.cli.output import Output
from bridge.cli.watching import Watching

TIMINGS = {"pull": 6.2, "upload": 41.0, "queue": None, "prepare": 15.0, "first_token": 776.0, "total": 1276.4}


def shown(*events: dict[str, Any], as_json: bool = False) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    watching = Watching(Output(as_json=as_json, out=out, err=err))
    for event in events:
        watching.show(event)
    return out.getvalue(), err.getvalue()


def capture(name: str, state: str = "pulled") -> dict[str, Any]:
    return {"event": "capture", "capture_id": f"cap_{name}", "name": name, "bytes": 29_320, "state": state}


def question(name: str, asked_by: str = "camera") -> dict[str, Any]:
    return {"event": "question", "capture_id": f"cap_{name}", "text": "What is it?", "asked_by": asked_by}


def answer(name: str, status: str = "completed", **fields: Any) -> dict[str, Any]:
    return {"event": "answer", "capture_id": f"cap_{name}", "status": status, "timings_ms": TIMINGS} | fields


def delta(text: str, response: str = "resp_1") -> dict[str, Any]:
    return {"event": "delta", "response_id": response, "delta": text}


def device(state: str, detail: str = "", hint: str = "") -> dict[str, Any]:
    return {"event": "device", "state": state, "detail": detail, "hint": hint}


def test_the_answer_is_data_and_all_else_is_talk() -> None:
    out, err = shown(capture("a.jpg"), question("a.jpg"), delta("A "), delta("cat."), answer("a.jpg"))

    assert out == "A cat.\n"
    assert err == (
        "\n"
        "picture   a.jpg  29.3 kB\n"
        "asked     What is it?\n"
        "answered  in 1.28 s  pull 6 ms · upload 41 ms · prepare 15 ms · first token 0.78 s\n"
    )


def test_an_answer_that_was_known_is_no_measure_of_the_engine() -> None:
    _, err = shown(delta("A cat."), answer("a.jpg", cached=True))

    assert err.endswith("first token 0.78 s · said before\n")


def test_a_question_that_is_asked_again_says_why_and_not_what_once_more() -> None:
    broke = {"event": "error", "response_id": "resp_1", "message": "The upstream broke. Asking again."}
    again = question("a.jpg") | {"retry_of": "resp_1"}
    out, err = shown(
        capture("a.jpg"), question("a.jpg"), delta("A d"), broke, again, delta("A cat.", "resp_2"), answer("a.jpg")
    )

    assert out == "A d\nA cat.\n"
    assert err.count("asked") == 1
    assert "problem   The upstream broke. Asking again.\n" in err


def test_what_was_left_out_because_of_load_stands_with_the_answer() -> None:
    _, err = shown(delta("A cat."), answer("a.jpg", degraded=["smaller_picture", "greedy_shorter"]))
    _, cut = shown(answer("a.jpg", "incomplete", degraded=["stock_text"]))

    assert err.endswith("first token 0.78 s · smaller picture · greedy shorter\n")
    assert "stock text" in cut


def test_a_model_that_is_being_loaded_is_said_to_be() -> None:
    out, err = shown({"event": "waiting", "response_id": "resp_1", "reason": "loading"})

    assert (out, err) == ("", "waiting   the model is loading\n")


def test_a_picture_that_waited_is_told_once_and_named_when_it_is_asked_about() -> None:
    _, err = shown(
        capture("a.jpg"), question("a.jpg"), capture("b.jpg", "waiting"), capture("b.jpg"),
        delta("one"), answer("a.jpg"), question("b.jpg"),
    )  # fmt: skip

    assert err.count("picture   b.jpg") == 1
    assert err.endswith("asked     What is it?  about b.jpg\n")


def test_a_question_from_the_page_says_so() -> None:
    _, err = shown(question("a.jpg", asked_by="page"))

    assert err == "asked     What is it?  from the page\n"


def test_the_way_up_is_told_in_two_words_and_a_loss_with_its_next_step() -> None:
    _, err = shown(
        device("opening", "opening"), device("tunnelling", "making the tunnel"), device("up", "ready"),
        device("absent", "not connected", "plug the phone in"), device("paused"),
    )  # fmt: skip

    assert err == (
        "phone     connecting\nphone     ready\nphone     not connected  plug the phone in\nphone     paused\n"
    )


def test_what_went_wrong_is_told() -> None:
    failed = answer("a.jpg", "failed", error={"message": "It is damaged."})
    _, err = shown(capture("a.jpg", "failed"), failed, {"event": "error", "message": "gone", "hint": "wait"})

    assert err == "picture   a.jpg failed  29.3 kB\nfailed    It is damaged.\nproblem   gone  wait\n"


def test_json_passes_every_event_on() -> None:
    events = [capture("a.jpg"), question("a.jpg"), delta("x"), answer("a.jpg"), device("up", "ready")]
    out, err = shown(*events, as_json=True)

    assert err == ""
    assert [json.loads(line) for line in out.splitlines()] == events
