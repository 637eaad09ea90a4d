"""An answer at its beginning: what of the question it tells back, and who may see it."""

from host_server.service.answer import Answer
from host_server.wire.events import AnswerWriter
from host_server.wire.ids import new_item_id
from host_server.wire.items import input_items, weight
from host_server.wire.request import ResponseCreate
from host_server.wire.response import new_response

__all__ = ["open_answer"]


def open_answer(
    answer_id: str,
    create: ResponseCreate,
    *,
    principal: str,
    connection: str | None,
    model: str,
    shown: tuple[str, ...] | None,
    created_at: int,
    grace_s: float,
) -> Answer:
    """An answer without events. `shown`: the pictures of the question by sha256; None when they were not looked at."""
    response = new_response(
        response_id=answer_id,
        created_at=created_at,
        model=model,
        instructions=create.instructions,
        metadata=create.metadata,
        previous_response_id=create.previous_response_id,
        store=create.store is not False,
        max_output_tokens=create.max_output_tokens,
        temperature=create.temperature or 0.0,
        top_p=1.0 if create.top_p is None else create.top_p,
        text_format=create.format.echo(),
        reasoning_effort=create.reasoning.effort if create.reasoning else None,
        service_tier="flex" if create.priority == "batch" else "default",
    )
    return Answer(
        answer_id,
        AnswerWriter(response, item_id=new_item_id()),
        principal=principal,
        connection=connection,
        store=create.store is not False,
        grace_s=grace_s,
        items=() if shown is None else input_items(create, shown, answer_id=answer_id),
        weight=weight(create),
    )
