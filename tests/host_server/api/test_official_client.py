"""The official `openai` client, unchanged, against a real host; every event it reads is checked strictly as well."""

import base64
import warnings
from typing import Any

import pytest

from tests.support.host import RunningHost
from tests.support.real_pictures import png

openai = pytest.importorskip("openai", reason="the openai package is not installed")

QUESTION: Any = [
    {
        "role": "user",
        "content": [
            {"type": "input_image", "image_url": "data:image/png;base64," + base64.b64encode(png()).decode()},
            {"type": "input_text", "text": "What is the total?"},
        ],
    }
]


@pytest.fixture
def client(host: RunningHost) -> Any:
    """As in the client's own documentation."""
    client = openai.OpenAI(base_url=f"{host.url}/v1", api_key=host.token, max_retries=0)
    yield client
    client.close()


def _strict(event: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        type(event).model_validate(event.to_dict(mode="json"))


def test_a_whole_answer(client: Any) -> None:
    response = client.responses.create(model="echo", input=QUESTION)

    assert response.output_text == "What is the total? [picture 64x48]"
    assert response.metrics["cache"] == "off"
    _strict(response)


def test_a_streamed_answer_and_its_resumption(client: Any) -> None:
    events = list(client.responses.create(model="echo", input=QUESTION, stream=True))
    rest = list(client.responses.retrieve(events[0].response.id, stream=True, starting_after=3))

    for event in [*events, *rest]:
        _strict(event)
    assert events[0].type == "response.created"
    assert events[-1].type == rest[-1].type == "response.completed"
    assert (
        "".join(event.delta for event in rest if event.type == "response.output_text.delta")
        == events[-1].response.output_text
    )


def test_the_stream_helper(client: Any) -> None:
    with client.responses.stream(model="echo", input=QUESTION) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()

    assert kinds[0] == "response.created"
    assert final.output_text == "What is the total? [picture 64x48]"


def test_another_question_in_the_same_chain(client: Any) -> None:
    first = client.responses.create(model="echo", input=QUESTION)
    second = client.responses.create(model="echo", input="And the date?", previous_response_id=first.id)

    assert second.output_text == "And the date? [picture 64x48]"


def test_models_retrieve_cancel_and_delete(client: Any) -> None:
    assert [model.id for model in client.models.list()] == ["echo"]
    response = client.responses.create(model="echo", input="hello")

    assert client.responses.retrieve(response.id).output_text == "hello"
    assert client.responses.cancel(response.id).status == "completed"
    client.responses.delete(response.id)
    with pytest.raises(openai.NotFoundError) as caught:
        client.responses.retrieve(response.id)
    assert (caught.value.code, caught.value.body["retryable"]) == ("response_not_found", False)
    assert caught.value.request_id.startswith("req_")


@pytest.mark.parametrize(
    ("fields", "error", "code"),
    [
        ({"model": "gpt-9", "input": "x"}, "NotFoundError", "model_not_found"),
        ({"model": "echo", "input": " "}, "BadRequestError", "invalid_request"),
        (
            {"model": "echo", "input": "x", "tools": [{"type": "web_search"}]},
            "BadRequestError",
            "unsupported_parameter",
        ),
    ],
)
def test_refusals_are_the_clients_own_exceptions(client: Any, fields: Any, error: str, code: str) -> None:
    with pytest.raises(getattr(openai, error)) as caught:
        client.responses.create(**fields)

    assert caught.value.code == code


def test_a_wrong_key_is_its_authentication_error(host: RunningHost) -> None:
    with (
        openai.OpenAI(base_url=f"{host.url}/v1", api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.models.list()


@pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning")
def test_lanes_on_its_websocket(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with client.responses.connect() as connection:
        for lane in ("A", "B"):
            connection.response.create(model="echo", input=QUESTION, stream_id=lane)
        texts: dict[str, str] = {}
        while len(texts) < 2:
            event = connection.recv()
            _strict(event)
            if event.type == "response.completed":
                texts[event.stream_id] = event.response.output_text

    assert texts == dict.fromkeys(("A", "B"), "What is the total? [picture 64x48]")
