"""AnswerWriter: only the right order can be written, and whatever happens there is one end."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.wire.errors import WireError
from host_server.wire.events import AnswerWriter, OrderError, is_terminal
from host_server.wire.response import usage
from tests.support.answers import timings, writer_for

Json = dict[str, Any]

_COST = usage(input_tokens=1, output_tokens=1)


def _call(writer: AnswerWriter, name: str) -> list[Json]:
    calls: dict[str, Any] = {
        "created": lambda: writer.created(queued=True),
        "queued": lambda: writer.queued(position=1),
        "started": writer.started,
        "reasoning": lambda: writer.reasoning("y"),
        "delta": lambda: writer.delta("x"),
        "empty": lambda: writer.delta(""),
        "completed": lambda: writer.completed(completed_at=1, usage=_COST, metrics=timings(1)),
        "cut": lambda: writer.cut("max_output_tokens", usage=_COST, metrics=timings(1)),
        "cancelled": lambda: writer.cancelled("client"),
        "failed": lambda: writer.failed(WireError("internal", "broken")),
    }
    events: list[Json] = calls[name]()
    return events


_NAMES = ("created", "queued", "started", "reasoning", "delta", "empty", "completed", "cut", "cancelled", "failed")


@given(st.lists(st.sampled_from(_NAMES), max_size=20))
def test_whatever_is_called_the_events_are_in_order_and_end_once(names: list[str]) -> None:
    writer = writer_for("plain")
    events: list[Json] = []
    for name in names:
        try:
            events += _call(writer, name)
        except OrderError:
            continue

    kinds = [event["type"].removeprefix("response.") for event in events]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert all(event["response_id"] == "resp_1" for event in events)
    assert kinds[:1] in ([], ["created"])
    assert kinds.count("created") <= 1
    assert kinds.count("in_progress") <= 1
    opened, closed = kinds.count("output_item.added"), kinds.count("output_item.done")
    assert opened == ("reasoning_text.delta" in kinds) + ("output_text.delta" in kinds)
    assert closed <= opened <= closed + 1
    assert sum(map(is_terminal, events)) <= 1
    for kind in ("output_text", "reasoning_text"):
        assert kinds.count(f"{kind}.done") <= 1
        assert f"{kind}.delta" not in kinds[kinds.index(f"{kind}.done") if f"{kind}.done" in kinds else len(kinds) :]
    if writer.ended:
        assert is_terminal(events[-1])
        assert closed == opened
        texts = [event["delta"] for event in events if event["type"].endswith("_text.delta")]
        output = events[-1]["response"]["output"]
        assert "".join(texts) == "".join(part["text"] for item in output for part in item["content"])
        assert [item["type"] for item in output] == sorted((item["type"] for item in output), reverse=True)
        assert writer.thought + writer.text == "".join(texts)
        assert isinstance(events[-1]["response"]["degraded"], list)


@pytest.mark.parametrize(
    ("before", "name"),
    [
        ((), "queued"),
        ((), "started"),
        ((), "delta"),
        ((), "reasoning"),
        ((), "completed"),
        ((), "cancelled"),
        ((), "failed"),
        (("created",), "created"),
        (("created",), "delta"),
        (("created",), "completed"),
        (("created",), "cut"),
        (("created", "started"), "started"),
        (("created", "started"), "queued"),
        (("created",), "reasoning"),
        (("created", "started", "completed"), "delta"),
        (("created", "started", "completed"), "reasoning"),
        (("created", "started", "completed"), "completed"),
        (("created", "started", "completed"), "cut"),
        (("created", "started", "completed"), "cancelled"),
        (("created", "started", "completed"), "failed"),
    ],
)
def test_an_event_at_the_wrong_time_is_a_fault(before: tuple[str, ...], name: str) -> None:
    writer = writer_for("plain")
    for earlier in before:
        _call(writer, earlier)

    with pytest.raises(OrderError):
        _call(writer, name)


def test_the_response_shows_what_is_written_so_far() -> None:
    writer = writer_for("plain")
    _call(writer, "created")
    assert writer.response()["status"] == "queued"
    _call(writer, "started")
    assert writer.response()["output"] == []
    _call(writer, "delta")

    (item,) = writer.response()["output"]

    assert (item["status"], item["content"][0]["text"]) == ("in_progress", "x")
    assert writer.text == "x"


def test_what_it_thinks_comes_before_the_answer_and_is_no_part_of_it() -> None:
    writer = writer_for("plain")
    for name in ("created", "started", "reasoning", "reasoning"):
        _call(writer, name)
    thinking = writer.response()["output"]
    _call(writer, "delta")

    assert (writer.thought, writer.text) == ("yy", "x")
    assert [(item["type"], item["status"]) for item in thinking] == [("reasoning", "in_progress")]
    assert [(item["type"], item["status"]) for item in writer.response()["output"]] == [
        ("reasoning", "completed"),
        ("message", "in_progress"),
    ]


def test_what_it_thinks_once_it_answers_is_left_out() -> None:
    writer = writer_for("plain")
    for name in ("created", "started", "delta"):
        _call(writer, name)

    assert _call(writer, "reasoning") == []
    assert _call(writer, "completed")[-1]["response"]["output"][0]["type"] == "message"


@pytest.mark.parametrize(
    ("end", "status"),
    [("completed", "completed"), ("cut", "incomplete"), ("cancelled", "incomplete"), ("failed", "incomplete")],
)
def test_an_answer_that_ends_while_it_thinks_closes_the_thought(end: str, status: str) -> None:
    writer = writer_for("plain")
    for name in ("created", "started", "reasoning"):
        _call(writer, name)

    events = _call(writer, end)

    assert [event["type"] for event in events[:-1]] == [
        "response.reasoning_text.done",
        "response.content_part.done",
        "response.output_item.done",
    ]
    assert events[-2]["item"] == events[-1]["response"]["output"][0]
    assert events[-2]["item"]["status"] == status


def test_a_question_that_waits_for_the_model_says_so() -> None:
    writer = writer_for("plain")
    _call(writer, "created")

    (loading,) = writer.queued(position=0, reason="loading")
    (busy,) = writer.queued(position=2)

    assert (loading["position"], loading["reason"], loading["response"]["status"]) == (0, "loading", "queued")
    assert (busy["position"], busy["reason"]) == (2, "busy")


def test_a_polite_word_is_incomplete_and_says_when_to_ask_again() -> None:
    writer = writer_for("plain")
    for name in ("created", "started", "delta"):
        _call(writer, name)

    events = writer.declined(retry_after_ms=2000, metrics=timings(0), degraded=["stock_text"])

    response = events[-1]["response"]
    assert (events[-1]["type"], response["status"]) == ("response.incomplete", "incomplete")
    assert (response["retryable"], response["retry_after_ms"]) == (True, 2000)
    assert (response["degraded"], response["incomplete_details"], response["usage"]) == (
        ["stock_text"],
        {"reason": None},
        None,
    )


@pytest.mark.parametrize("end", ["completed", "cut", "cancelled", "failed"])
def test_every_end_tells_what_was_left_out(end: str) -> None:
    writer = writer_for("plain")
    for name in ("created", "started"):
        _call(writer, name)
    told: Any = {"usage": _COST, "metrics": timings(1), "degraded": ("smaller_picture",)}
    ends: dict[str, Any] = {
        "completed": lambda: writer.completed(completed_at=1, **told),
        "cut": lambda: writer.cut("content_filter", **told),
        "cancelled": lambda: writer.cancelled("deadline", **told),
        "failed": lambda: writer.failed(WireError("engine_oom", "full"), **told),
    }

    assert ends[end]()[-1]["response"]["degraded"] == ["smaller_picture"]


def test_an_event_is_not_changed_by_the_ones_after_it() -> None:
    writer = writer_for("plain")
    (created,) = _call(writer, "created")
    for name in ("started", "delta", "completed"):
        _call(writer, name)

    assert (created["response"]["status"], created["response"]["output"]) == ("queued", [])


def test_an_answer_cancelled_in_the_queue_has_no_output_and_no_usage() -> None:
    writer = writer_for("plain")
    _call(writer, "created")

    (event,) = writer.cancelled("disconnect")

    response = event["response"]
    assert (response["status"], response["cancelled_by"], response["output"]) == ("cancelled", "disconnect", [])
    assert (event["type"], response["usage"]) == ("response.incomplete", None)


def test_an_empty_piece_writes_nothing() -> None:
    writer = writer_for("plain")
    writer.created(queued=False)
    writer.started()

    assert writer.delta("") == writer.reasoning("") == []
    assert [event["type"] for event in writer.delta("x")][-1] == "response.output_text.delta"
