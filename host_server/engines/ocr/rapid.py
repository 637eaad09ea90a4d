"""RapidOCR as a function from a JPEG to pieces of text with corners. Only this module imports the model's libraries.

The models (PP-OCRv6 small, Chinese and English) are in the wheel: nothing is downloaded. One object belongs to one
thread; whether RapidOCR may be shared is nowhere promised.
"""

import io
import os
from typing import Final, Protocol

from host_server.engines.ocr.page import Quad

__all__ = ["FAST_SIDE", "FINE_SIDE", "Reader", "load"]

FAST_SIDE: Final = 960
"""Longest side at which text is looked for (it is read at full size): finds print of 20 px on a phone's screenshot."""
FINE_SIDE: Final = 1600
"""For densely printed pages; takes about a third longer."""

_MOST_BOXES: Final = 600
"""A page of a book has about 50 lines; a picture made of specks must not keep the thread for minutes."""


class Reader(Protocol):
    """Reads the text of one picture."""

    def __call__(self, jpeg: bytes) -> list[tuple[str, Quad]]:
        """Return each text with its corners in pixels, in no particular order."""
        ...


def load(side: int = FAST_SIDE, threads: int | None = None) -> Reader:
    """Load the models, about half a second and 150 MB, and return their reader."""
    import cv2
    import numpy as np
    from PIL import Image
    from rapidocr import RapidOCR
    from rapidocr.utils.output import RapidOCROutput

    threads = threads or cores()
    cv2.setNumThreads(threads)
    model = RapidOCR(params=_settings(side, threads))

    def read(jpeg: bytes) -> list[tuple[str, Quad]]:
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        result = model(pixels[:, :, ::-1])  # the models were trained on blue-green-red
        if not isinstance(result, RapidOCROutput) or result.txts is None or result.boxes is None:
            return []
        return [(text, _quad(box)) for text, box in zip(result.txts, result.boxes.tolist(), strict=True)]

    return read


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def _settings(side: int, threads: int) -> dict[str, object]:
    return {
        "Global.log_level": "error",
        "Global.use_cls": False,  # turns lines that stand on their head; pictures arrive upright by their EXIF
        "Global.text_score": 0.5,
        "Det.limit_type": "max",
        "Det.limit_side_len": side,
        "Det.max_candidates": _MOST_BOXES,
        "EngineConfig.onnxruntime.intra_op_num_threads": threads,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }


def _quad(box: list[list[float]]) -> Quad:
    first, second, third, fourth = ((float(x), float(y)) for x, y in box)
    return first, second, third, fourth
