"""Wherever an answer breaks, it is closed in the only order clients accept, exactly as the host would have."""

import pytest

from bridge.client.lost import closing_events
from host_server.wire.errors import WireError
from host_server.wire.log import AnswerLog
from tests.support.answers import answer, writer_for

ERROR = WireError("engine_restarted", "The host lost this answer.")
WHOLE = answer("plain")


def log_of(count: int) -> AnswerLog:
    log = AnswerLog()
    for event in WHOLE[:count]:
        log.append(event)
    return log


@pytest.mark.parametrize("words", range(4))
def test_it_ends_as_the_host_would_have_ended_it(words: int) -> None:
    writer, log = writer_for("plain"), AnswerLog()
    events = writer.created() + writer.started()
    for word in ["The ", "total ", "is "][:words]:
        events += writer.delta(word)
    for event in events:
        log.append(event)

    assert closing_events(log, ERROR) == writer.failed(ERROR)


@pytest.mark.parametrize("count", range(1, len(WHOLE)))
def test_at_any_point_what_is_missing_is_closed_and_the_log_takes_it(count: int) -> None:
    log = log_of(count)
    for event in closing_events(log, ERROR):
        log.append(event)
    kinds = [event["type"] for event in log.since()]

    assert kinds[-1] == "response.failed"
    assert kinds.count("response.output_item.added") == kinds.count("response.output_item.done")
    assert kinds.count("response.content_part.added") == kinds.count("response.content_part.done")
    assert kinds.count("response.content_part.added") == kinds.count("response.output_text.done")
    assert log.terminal is not None
    assert log.terminal["response"]["id"] == "resp_1"
    assert log.terminal["response"]["error"]["retryable"] is True


def test_a_host_that_knows_nothing_of_it_may_be_asked_again_under_the_same_key() -> None:
    events = [closing_events(log_of(3), ERROR, forgotten=forgotten) for forgotten in (True, False)]

    assert [each[-1]["response"].get("forgotten") for each in events] == [True, None]
