"""What a question brought, as `input_items` tells it back: texts as they were, pictures by name, never as bytes."""

from collections.abc import Iterator, Sequence

from host_server.wire.ids import capture_file_id
from host_server.wire.request import InputImage, InputMessage, ResponseCreate
from host_server.wire.response import Json

__all__ = ["input_items", "weight"]


def input_items(create: ResponseCreate, pictures: Sequence[str], *, answer_id: str) -> tuple[Json, ...]:
    """The messages of a question, oldest first. `pictures`: the sha256 of each picture in it, in their order."""
    names = iter(pictures)
    prefix = answer_id.replace("resp_", "msg_", 1)
    return tuple(
        {
            "id": f"{prefix}_{number}",
            "type": "message",
            "role": item.role,
            "status": "completed",
            "content": list(_content(item, names)),
        }
        for number, item in enumerate(create.items)
    )


def weight(create: ResponseCreate) -> int:
    """Bytes of text that a question leaves behind, about."""
    texts = [create.instructions or "", *(text for pair in (create.metadata or {}).items() for text in pair)]
    for item in create.items:
        parts = [item.content] if isinstance(item.content, str) else item.content
        texts += [part if isinstance(part, str) else getattr(part, "text", "") for part in parts]
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


def _content(item: InputMessage, names: Iterator[str]) -> Iterator[Json]:
    if isinstance(item.content, str):
        yield _text(item.role, item.content)
        return
    for part in item.content:
        if isinstance(part, InputImage):
            file_id = capture_file_id(next(names))
            yield {"type": "input_image", "file_id": file_id, "image_url": None, "detail": part.detail or "auto"}
        else:
            yield _text(item.role, part.text)


def _text(role: str, text: str) -> Json:
    if role == "assistant":
        return {"type": "output_text", "text": text, "annotations": []}
    return {"type": "input_text", "text": text}
