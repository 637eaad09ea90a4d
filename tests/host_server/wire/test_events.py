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
        "delta": lambda: writer.delta("x"),
        "empty": lambda: writer.delta(""),
        "completed": lambda: writer.completed(completed_at=1, usage=_COST, metrics=timings(1)),
        "cut": lambda: writer.cut("max_output_tokens", usage=_COST, metrics=timings(1)),
        "cancelled": lambda: writer.cancelled("client"),
        "failed": lambda: writer.failed(WireError("internal", "broken")),
    }
    events: list[Json] = calls[name]()
    return events


_NAMES = ("created", "queued", "started", "delta", "empty", "completed", "cut", "cancelled", "failed")


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
    assert opened <= 1
    assert closed <= opened
    assert ("output_text.delta" in kinds) == bool(opened)
    assert sum(map(is_terminal, events)) <= 1
    if writer.ended:
        assert is_terminal(events[-1])
        assert closed == opened
        texts = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
        output = events[-1]["response"]["output"]
        assert "".join(texts) == "".join(part["text"] for item in output for part in item["content"])


@pytest.mark.parametrize(
    ("before", "name"),
    [
        ((), "queued"),
        ((), "started"),
        ((), "delta"),
        ((), "completed"),
        ((), "cancelled"),
        ((), "failed"),
        (("created",), "created"),
        (("created",), "delta"),
        (("created",), "completed"),
        (("created",), "cut"),
        (("created", "started"), "started"),
        (("created", "started"), "queued"),
        (("created", "started", "completed"), "delta"),
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

    assert writer.delta("") == []
    assert [event["type"] for event in writer.delta("x")][-1] == "response.output_text.delta"
