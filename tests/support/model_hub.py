"""A small hub of models on loopback, that speaks as Hugging Face and as ModelScope do, and misbehaves on request."""

import hashlib
import json
import re
import threading
from collections import deque
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

__all__ = ["COMMIT", "ModelHub", "model_hub", "safetensors_file"]

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_LARGE = ".safetensors"


@dataclass
class ModelHub:
    """What the hub has, how it behaves, and what it was asked."""

    files: dict[str, bytes]
    model: str = "tiny/see"
    commit: str = COMMIT
    token: str | None = None
    endpoint: str = ""
    revisions: set[str] = field(default_factory=lambda: {"main", "master", COMMIT})
    sends: dict[str, bytes] = field(default_factory=dict)
    """What comes instead of a file's bytes, as long as the listing is believed."""
    budgets: dict[str, deque[int]] = field(default_factory=dict)
    """For each next request of a file: after so many bytes the connection breaks."""
    statuses: dict[str, deque[int]] = field(default_factory=dict)
    """For each next request of a file: an HTTP status instead of it."""
    redirects: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    rows: list[dict[str, Any]] = field(default_factory=list)
    """More rows of the listing."""
    listing: Any = None
    """Instead of the listing."""
    asked: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    """Path, Range and Authorization of each request."""

    def fetched(self, name: str) -> list[str | None]:
        """The ranges that were asked of a file."""
        return [asked for path, asked, _ in self.asked if path.endswith(name)]

    def of_hugging_face(self) -> Any:
        """The listing as `GET /api/models/ID/revision/REVISION?blobs=true` tells it."""
        rows: list[dict[str, Any]] = []
        for name, content in self.files.items():
            row: dict[str, Any] = {"rfilename": name, "size": len(content)}
            if name.endswith(_LARGE):
                row["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
            else:
                row["blobId"] = _git_sum(content)
            rows.append(row)
        return {"id": self.model, "sha": self.commit, "siblings": rows + self.rows}

    def of_modelscope(self) -> Any:
        """The listing as `GET /api/v1/models/ID/repo/files` tells it."""
        rows = [
            {
                "Name": name.rpartition("/")[2],
                "Path": name,
                "Size": len(content),
                "Sha256": hashlib.sha256(content).hexdigest(),
                "Type": "blob",
                "Revision": self.commit,
            }
            for name, content in self.files.items()
        ]
        return {"Code": 200, "Success": True, "Data": {"Files": [*rows, {"Path": "assets", "Type": "tree", "Size": 0}]}}


@contextmanager
def model_hub(files: Mapping[str, bytes], **how: Any) -> Generator[ModelHub]:
    """A hub that has these files of one model."""
    hub = ModelHub(dict(files), **how)

    class Handler(_Handler):
        pass

    Handler.hub = hub
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False  # none outlives the block
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def safetensors_file(tensors: Mapping[str, tuple[str, tuple[int, ...], int]]) -> bytes:
    """A whole file: by name the type, the shape and how many bytes it takes; the bytes are zero."""
    rows: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (dtype, shape, size) in tensors.items():
        rows[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    header = json.dumps(rows).encode()
    return len(header).to_bytes(8, "little") + header + bytes(end)


def _git_sum(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20
    hub: ModelHub

    def do_GET(self) -> None:
        hub, url = self.hub, urlsplit(self.path)
        query = parse_qs(url.query)
        hub.asked.append((unquote(self.path), self.headers["Range"], self.headers["Authorization"]))
        if hub.token is not None and self.headers["Authorization"] != f"Bearer {hub.token}":
            self._say(401, b"{}")
        elif found := re.fullmatch(rf"/api/models/{hub.model}/revision/(.+)", url.path):
            self._listing(unquote(found[1]), hub.of_hugging_face)
        elif url.path == f"/api/v1/models/{hub.model}/repo/files":
            self._listing(query["Revision"][0], hub.of_modelscope)
        elif url.path == f"/api/v1/models/{hub.model}/repo":
            self._file(query["FilePath"][0])
        elif found := re.fullmatch(rf"/{hub.model}/resolve/([0-9a-f]{{40}})/(.+)", url.path):
            self._file(unquote(found[2]))
        elif found := re.fullmatch(r"/elsewhere/(.+)", url.path):
            self._content(found[1])
        else:
            self._say(404, b"{}")

    def log_message(self, *_: Any) -> None:
        """Nothing on stderr."""

    def _listing(self, revision: str, made: Any) -> None:
        if revision not in self.hub.revisions:
            self._say(404, b"{}")
            return
        told = self.hub.listing if self.hub.listing is not None else made()
        self._say(200, told if isinstance(told, bytes) else json.dumps(told).encode())

    def _file(self, name: str) -> None:
        if statuses := self.hub.statuses.get(name):
            self._say(statuses.popleft(), b"")
        elif name in self.hub.redirects:
            self.send_response(302)
            self.send_header("Location", self.hub.redirects[name])
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif name in self.hub.files:
            self._content(name)
        else:
            self._say(404, b"")

    def _content(self, name: str) -> None:
        content = self.hub.sends.get(name, self.hub.files[name])
        start = 0
        if self.hub.ranges and (asked := re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")):
            start = int(asked[1])
        if start and start >= len(content):
            self._say(416, b"")
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        budgets = self.hub.budgets.get(name)
        budget = budgets.popleft() if budgets else None
        self.wfile.write(content[start:] if budget is None else content[start : start + budget])
        self.close_connection = budget is not None

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
