"""RapidOCR as a function from a JPEG to pieces of text with corners. Only this module imports the model's libraries.

The models (PP-OCRv6 small, Chinese and English) are in the wheel: nothing is downloaded. One object belongs to one
thread; whether RapidOCR may be shared is nowhere promised.
"""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from host_server.engines.ocr.page import Quad

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["FAST_SIDE", "FINE_SIDE", "Reader", "Stop", "Stopped", "load"]

FAST_SIDE: Final = 960
"""Longest side at which text is looked for (it is read at full size): finds print of 20 px on a phone's screenshot."""
FINE_SIDE: Final = 1600
"""For densely printed pages; takes about a third longer."""

_MOST_BOXES: Final = 600
"""A page of a book has about 50 lines; a picture made of specks must not keep the thread for minutes."""
_MOST_THREADS: Final = 4
_SMALLEST_SIDE: Final = 16
"""Nothing can be read in fewer pixels, and the model would blow a ribbon of 2000 x 1 up to 60000 x 30."""


Stop = Callable[[], bool]
"""Asked between the steps of reading: True when nobody waits for the text any more."""


class Stopped(Exception):
    """The reader stopped because it was told to."""


class Reader(Protocol):
    """Reads the text of one picture."""

    def __call__(self, jpeg: bytes, stop: Stop) -> list[tuple[str, Quad]]:
        """Return each text with its corners in pixels, in no particular order. Raises `Stopped`."""
        ...


def load(side: int = FAST_SIDE, threads: int | None = None) -> Reader:
    """Load the models and run them once, for their first run is the slowest: about a second and 300 MB."""
    import cv2
    import numpy as np
    from PIL import Image
    from rapidocr import RapidOCR
    from rapidocr.utils.output import RapidOCROutput

    threads = threads or cores()
    cv2.setNumThreads(threads)
    finder_file, reader_file = _model_files()
    model: Any = RapidOCR(params=_settings(side, threads, finder_file, reader_file))
    sample = np.asarray(_sample())
    model(sample)  # now it has made its two parts
    finder, reader = _Session(finder_file, threads), _Session(reader_file, threads)
    model.text_det.session, model.text_rec.session = finder, reader
    model(sample)

    def read(jpeg: bytes, stop: Stop) -> list[tuple[str, Quad]]:
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        if min(pixels.shape[:2]) < _SMALLEST_SIDE:
            return []
        finder.stop = reader.stop = stop
        result = model(pixels[:, :, ::-1])  # the models were trained on blue-green-red
        if not isinstance(result, RapidOCROutput) or result.txts is None or result.boxes is None:
            return []
        return [(text, _quad(box)) for text, box in zip(result.txts, result.boxes.tolist(), strict=True)]

    return read


class _Session:
    """Runs a model in place of RapidOCR's own session, for two things that one has no setting for.

    Its threads sleep while they wait: by default they spin, which takes more than twice the time when cores are short.
    And it can be stopped: found text is read in batches of six, and a dense page has many.
    """

    def __init__(self, model: Path, threads: int) -> None:
        from onnxruntime import InferenceSession, SessionOptions  # type: ignore[import-untyped]

        options = SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self.stop: Stop = bool  # which says False

    def __call__(self, batch: Any) -> Any:
        if self.stop():
            raise Stopped
        return self._session.run(None, {self._input: batch})[0]


def _model_files() -> tuple[Path, Path]:
    """The models in the wheel: the one that finds text and the one that reads it. Named, so that none is downloaded."""
    import rapidocr

    models = Path(rapidocr.__file__).parent / "models"
    finder, *_ = sorted(models.glob("*_det_*.onnx"))
    reader, *_ = sorted(models.glob("*_rec_*.onnx"))
    return finder, reader


def _sample() -> "Image.Image":
    """A small picture with a word in it, so that both models have something to do."""
    from PIL import Image, ImageDraw, ImageFont

    sheet = Image.new("RGB", (320, 96), "white")
    ImageDraw.Draw(sheet).text((20, 24), "warm up", fill="black", font=ImageFont.load_default(36))
    return sheet


def cores() -> int:
    """How many cores this process may use, at most as many as make these small models quicker."""
    return min(_MOST_THREADS, _usable())


def _usable() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS


def _settings(side: int, threads: int, finder: Path, reader: Path) -> dict[str, object]:
    return {
        "Global.log_level": "error",
        "Global.use_cls": False,  # turns lines that stand on their head; pictures arrive upright by their EXIF
        "Global.text_score": 0.5,
        "Det.limit_type": "max",
        "Det.limit_side_len": side,
        "Det.max_candidates": _MOST_BOXES,
        "Det.model_path": str(finder),
        "Rec.model_path": str(reader),
        "EngineConfig.onnxruntime.intra_op_num_threads": threads,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }


def _quad(box: list[list[float]]) -> Quad:
    first, second, third, fourth = ((float(x), float(y)) for x, y in box)
    return first, second, third, fourth
