"""Wherever an answer breaks, it is closed in the only order clients accept, exactly as the host would have."""

import pytest

from bridge.client.lost import closing_events
from host_server.wire.errors import WireError
from host_server.wire.log import AnswerLog
from tests.support.answers import answer, writer_for

ERROR = WireError("engine_restarted", "The host lost this answer.")
WHOLE = {scenario: answer(scenario) for scenario in ("plain", "reasoning")}
CUTS = [(scenario, count) for scenario, events in WHOLE.items() for count in range(1, len(events))]


def log_of(count: int, scenario: str = "plain") -> AnswerLog:
    log = AnswerLog()
    for event in WHOLE[scenario][:count]:
        log.append(event)
    return log


@pytest.mark.parametrize(("thoughts", "words"), [(0, 0), (0, 1), (0, 3), (2, 0), (1, 2)])
def test_it_ends_as_the_host_would_have_ended_it(thoughts: int, words: int) -> None:
    writer, log = writer_for("plain"), AnswerLog()
    events = writer.created() + writer.started()
    for thought in ["40 ", "plus 2"][:thoughts]:
        events += writer.reasoning(thought)
    for word in ["The ", "total ", "is "][:words]:
        events += writer.delta(word)
    for event in events:
        log.append(event)

    assert closing_events(log, ERROR) == writer.failed(ERROR)


@pytest.mark.parametrize(("scenario", "count"), CUTS)
def test_at_any_point_what_is_missing_is_closed_and_the_log_takes_it(scenario: str, count: int) -> None:
    log = log_of(count, scenario)
    for event in closing_events(log, ERROR):
        log.append(event)
    kinds = [event["type"] for event in log.since()]

    assert kinds[-1] == "response.failed"
    assert kinds.count("response.output_item.added") == kinds.count("response.output_item.done")
    assert kinds.count("response.content_part.added") == kinds.count("response.content_part.done")
    texts = kinds.count("response.output_text.done") + kinds.count("response.reasoning_text.done")
    assert kinds.count("response.content_part.added") == texts
    added = [event["item"]["id"] for event in log.since() if event["type"] == "response.output_item.added"]
    assert log.terminal is not None
    assert [item["id"] for item in log.terminal["response"]["output"]] == added
    assert log.terminal["response"]["id"] == "resp_1"
    assert log.terminal["response"]["error"]["retryable"] is True


def test_a_host_that_knows_nothing_of_it_may_be_asked_again_under_the_same_key() -> None:
    events = [closing_events(log_of(3), ERROR, forgotten=forgotten) for forgotten in (True, False)]

    assert [each[-1]["response"].get("forgotten") for each in events] == [True, None]
