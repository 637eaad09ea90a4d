"""Pixels as a model's processor makes them of a picture, remembered for the next question about it.

Scaling, normalising and cutting into patches takes a processor some 100 ms for a picture of 1024 pixels: more than the
rest of a second question, of which everything else is known too.
"""

import hashlib
import io
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

from host_server.core.question import PreparedPicture

__all__ = ["Pixels", "digest", "opened"]

_MOST_BYTES: Final = 256 * 1024 * 1024
_NAME: Final = "lensbridge digest"


def digest(picture: PreparedPicture, asker: str = "") -> str:
    """Names what the model sees, the picture as prepared and not as uploaded, to one who asks and to nobody else."""
    return hashlib.sha256(asker.encode() + picture.jpeg).hexdigest()


def opened(picture: PreparedPicture, asker: str = "") -> Any:
    """A Pillow image that knows its digest. It is decoded when its pixels are first looked at, maybe never."""
    from PIL import Image

    image = Image.open(io.BytesIO(picture.jpeg), formats=("JPEG",))
    image.info[_NAME] = digest(picture, asker)
    return image


class Pixels:
    """Stands in a processor for its image processor, whose attributes it has, and asks it only for what is new."""

    def __init__(self, inner: Any, *, most_bytes: int = _MOST_BYTES) -> None:
        self._inner = inner
        self._most_bytes = most_bytes
        self._known: OrderedDict[tuple[object, ...], tuple[Any, int]] = OrderedDict()
        self._bytes = 0

    def __getattr__(self, name: str) -> Any:
        """Whatever a processor wants to know of its image processor."""
        return getattr(self._inner, name)

    def __call__(self, images: Any, **settings: Any) -> Any:
        """What the image processor makes of these images of `opened`."""
        key = (*_names(images), repr(sorted(settings.items())))
        if key not in self._known:
            self._remember(key, self._inner(images, **settings))
        self._known.move_to_end(key)
        return self._known[key][0].copy()  # a processor takes out of it what the model does not read

    def _remember(self, key: tuple[object, ...], made: Any) -> None:
        size = sum(_size(value) for value in made.values())
        self._known[key] = (made, size)
        self._bytes += size
        while self._bytes > self._most_bytes and len(self._known) > 1:
            self._bytes -= self._known.popitem(last=False)[1][1]


def _names(images: Any) -> Sequence[object]:
    if isinstance(images, list | tuple):  # nested as the family likes it
        return ("(", *(name for image in images for name in _names(image)), ")")
    return (images.info[_NAME],)


def _size(value: Any) -> int:
    if isinstance(value, list | tuple):
        return sum(map(_size, value))
    return int(getattr(value, "nbytes", 0))
