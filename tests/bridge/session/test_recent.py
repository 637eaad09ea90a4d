"""What is remembered is bounded."""

from bridge.session.answers import MAX_ANSWERS, Answer, Answers
from bridge.session.recent import Recent
from host_server.wire.log import AnswerLog
from tests.support.session import HostAnswer


def test_the_oldest_entry_is_forgotten_and_writing_renews() -> None:
    recent: Recent[str, int] = Recent(2)
    for name in ("a", "b", "a", "c"):
        recent.put(name, 1)

    assert ("a" in recent, "b" in recent, "c" in recent) == (True, False, True)
    assert recent.drop("a")
    assert not recent.drop("a")


def answer(name: str, *, ended: bool) -> Answer:
    log = AnswerLog()
    written = HostAnswer(name)
    for event in written.whole("x") if ended else [written.created()]:
        log.append(event)
    return Answer(name, {"type": "bridge:question"}, None, None, log)


def test_running_answers_are_kept_however_many_there_are() -> None:
    answers = Answers()
    for n in range(MAX_ANSWERS + 3):
        answers.add(answer(f"resp_{n}", ended=False))

    assert len(answers.names) == MAX_ANSWERS + 3
    assert answers.add(answer("resp_ended", ended=True)) == ["resp_ended"]
