"""Structured output and places over HTTP, as the official `openai` client asks for them and reads them.

The echo engine says the question back, so the question is what the model answers.
"""

from typing import Any

import httpx
import pytest
from pydantic import BaseModel, ValidationError

from tests.support.host import RunningHost

openai = pytest.importorskip("openai", reason="the openai package is not installed")


class Receipt(BaseModel):
    """What the client asks for."""

    total: int
    currency: str


@pytest.fixture
def client(host: RunningHost) -> Any:
    client = openai.OpenAI(base_url=f"{host.url}/v1", api_key=host.token, max_retries=0)
    yield client
    client.close()


def test_parse_gives_the_clients_own_model(client: Any) -> None:
    response = client.responses.parse(model="echo", input='{"total": 42, "currency": "USD"}', text_format=Receipt)

    assert response.output_parsed == Receipt(total=42, currency="USD")
    assert response.text.format.type == "json_schema"
    assert response.text.format.name == "Receipt"


def test_a_fence_does_not_reach_the_streaming_helper(client: Any) -> None:
    asked = '```json\n{"total": 42, "currency": "USD"}\n```'
    with client.responses.stream(model="echo", input=asked, text_format=Receipt) as stream:
        events = list(stream)
        final = stream.get_final_response()

    assert final.output_parsed == Receipt(total=42, currency="USD")
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == '{"total": 42, "currency": "USD"}'


def test_what_does_not_fit_is_a_failed_response_that_can_be_read(client: Any, host: RunningHost) -> None:
    schema = Receipt.model_json_schema()
    form: Any = {"format": {"type": "json_schema", "name": "Receipt", "schema": schema}}

    response = client.responses.create(model="echo", input="It is 42.", text=form)

    assert (response.status, response.output_text) == ("failed", "It is 42.")
    assert (response.error.code, response.error.reason, response.error.retryable) == (
        "server_error",
        "output_invalid",
        False,
    )
    with pytest.raises(ValidationError):
        client.responses.parse(model="echo", input="It is 42.", text_format=Receipt)


def test_an_answer_that_was_cut_is_incomplete(client: Any) -> None:
    form: Any = {"format": {"type": "json_object"}}

    response = client.responses.create(model="echo", input='{"a": 1, "b": 2}', text=form, max_output_tokens=1)

    assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"$ref": "https://example.org/schema.json"}, "may only point into the schema itself"),
        ({"$ref": "#"}, "leads back to itself"),
        ({"properties": {"a": {"pattern": "("}}}, "properties.a.pattern: is no regular expression"),
        ({"description": "x" * 40_000}, "larger than 32 KiB"),
    ],
)
def test_a_schema_that_no_answer_is_held_to_is_refused(client: Any, schema: Any, said: str) -> None:
    form: Any = {"format": {"type": "json_schema", "name": "R", "schema": schema}}

    with pytest.raises(openai.BadRequestError, match="the schema cannot be used") as caught:
        client.responses.create(model="echo", input="x", text=form)

    assert (caught.value.code, caught.value.param) == ("invalid_request", "text.format")
    assert said in caught.value.message


def test_the_client_reads_places_as_annotations(client: Any) -> None:
    events = list(client.responses.create(model="echo", input="Tap [[52,310,401,377]].", stream=True))
    response = events[-1].response

    (added,) = [event for event in events if event.type == "response.output_text.annotation.added"]
    (place,) = response.output[0].content[0].annotations
    assert place.type == "bridge:box"
    assert place.box == [52, 310, 401, 377]
    assert response.output_text[place.start_index : place.end_index] == "[52,310,401,377]"
    assert (added.annotation.box, added.annotation.start_index) == (place.box, place.start_index)


def test_the_same_key_with_another_schema_is_another_question(host: RunningHost) -> None:
    headers = host.headers | {"idempotency-key": "one"}
    bodies: list[Any] = [
        {"input": "{}", "text": {"format": {"type": "json_schema", "name": "R", "schema": {"type": kind}}}}
        for kind in ("object", "array")
    ]

    codes = [
        httpx.post(f"{host.url}/v1/responses", json=body, headers=headers, timeout=10, trust_env=False).status_code
        for body in bodies
    ]

    assert codes == [200, 409]
