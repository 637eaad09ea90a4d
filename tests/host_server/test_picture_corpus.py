"""The picture corpus through a real host: the right end for each, little memory, and nothing of where it was taken."""

import hashlib
import io
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from host_server import imaging
from host_server.imaging.orientation import exif_with
from tests.support.host import RunningHost
from tests.support.picture_corpus import CORPUS, HEAVY, SECRET, photo_of_200_megapixels
from tests.support.real_pictures import jpeg

MOST_MEMORY_MB = 300
_TECHNICAL = {
    *("adobe", "adobe_transform", "dpi", "exif", "jfif", "jfif_density", "jfif_unit", "jfif_version"),
    *("progression", "progressive", "transparency"),
}
_BLOCKS = [exif_with(turn, prefix=True) for turn in range(1, 9)]
needs_proc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")


def client(host: RunningHost) -> httpx.Client:
    return httpx.Client(base_url=host.url, headers=host.headers, timeout=60, trust_env=False)


def sent(host: httpx.Client, data: bytes) -> str:
    """How a picture ends: the code of its refusal, wherever that comes, or "fine"."""
    sha256 = hashlib.sha256(data).hexdigest()
    put = host.put(f"/v1/captures/{sha256}", content=data)
    if put.is_error:
        return str(put.json()["error"]["code"])
    content = [{"type": "input_image", "file_id": f"cap_{sha256}"}, {"type": "input_text", "text": "what?"}]
    answer = host.post("/v1/responses", json={"input": [{"role": "user", "content": content}]}).json()
    return "fine" if answer["status"] == "completed" else str(answer["error"]["reason"])


def memory_mb(host: RunningHost, what: str) -> float:
    lines = Path(f"/proc/{host.process.pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024


class Peak:
    """The most memory a host has needed since, beyond what it had."""

    def __init__(self, host: RunningHost) -> None:
        self._host = host
        Path(f"/proc/{host.process.pid}/clear_refs").write_text("5", encoding="ascii")
        self._before = memory_mb(host, "VmRSS")

    def more_mb(self) -> float:
        return memory_mb(self._host, "VmHWM") - self._before


@needs_proc
def test_each_picture_comes_to_its_end_within_memory_and_leaves_nothing_behind(own_host: RunningHost) -> None:
    heavy = {name: CORPUS[name].make() for name in HEAVY}
    with client(own_host) as host, ThreadPoolExecutor(len(HEAVY)) as pool:
        sent(host, jpeg())  # everything is loaded
        peak = Peak(own_host)
        ends = dict(zip(heavy, pool.map(lambda picture: sent(host, picture), heavy.values()), strict=True))
        most = peak.more_mb()
        ends |= {name: sent(host, sample.make()) for name, sample in CORPUS.items() if name not in HEAVY}

    assert ends == {name: sample.ends for name, sample in CORPUS.items()}
    assert most <= MOST_MEMORY_MB
    assert peak.more_mb() <= MOST_MEMORY_MB
    assert "Traceback" not in own_host.log.read_text(encoding="utf-8")
    kept = [path for path in own_host.log.parent.rglob("*") if path.is_file()]
    for path in kept:
        data = path.read_bytes()
        assert SECRET not in data, path
        assert b"GPS" not in data, path
        if path.parent.name == "admin":
            check_kept(data)
    assert len(kept) > list(ends.values()).count("fine")


def check_kept(data: bytes) -> None:
    """Pixels, what is needed to read them, and which way up they are."""
    kind = JpegImageFile if imaging.sniff(data[: imaging.SNIFF_BYTES]) == "image/jpeg" else PngImageFile
    with kind(io.BytesIO(data)) as picture:
        assert picture.info.get("exif", b"") in _BLOCKS
        assert set(picture.info) <= _TECHNICAL


def test_a_photo_of_200_megapixels_is_seen_whole(host: RunningHost) -> None:
    data = photo_of_200_megapixels()
    address = f"/v1/captures/{hashlib.sha256(data).hexdigest()}"
    with client(host) as there:
        put = there.put(address, content=data).json()
        content = [{"type": "input_image", "file_id": put["id"]}, {"type": "input_text", "text": "what?"}]
        answer = there.post("/v1/responses", json={"input": [{"role": "user", "content": content}]}).json()
        there.delete(address)

    assert (put["width"], put["height"], put["bytes"]) == (16320, 12240, len(data))
    assert answer["output"][0]["content"][0]["text"] == "what? [picture 2000x1500]"
