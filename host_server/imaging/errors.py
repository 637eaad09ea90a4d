"""The one error of this package: a wire code and words of our own."""

from typing import Literal

__all__ = ["ImagingCode", "ImagingError"]

ImagingCode = Literal["image_format", "image_too_large", "image_too_many_pixels", "image_decode"]


class ImagingError(Exception):
    """The picture is refused. `code` is the wire's; the text may be shown to whoever sent the picture."""

    def __init__(self, code: ImagingCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
