"""Pulling from a hub on loopback: resumed, verified, seen only when whole; a hub that lies gets nowhere."""

import json
import shutil
import threading
from collections import deque
from pathlib import Path
from typing import Any

import pytest

from host_server.checkpoints.cache import ModelFolder
from host_server.checkpoints.errors import CheckpointError, ChecksumError, NoRoomError, TokenError
from host_server.checkpoints.fetch import append
from host_server.checkpoints.files import Listing, RemoteFile
from host_server.checkpoints.pull import Pulled, Watcher, pull
from host_server.checkpoints.sources import SourceName, source_of
from host_server.checkpoints.web import Body, Interrupted, Web, check_endpoint
from tests.support.model_hub import COMMIT, ModelHub, model_hub, safetensors_file

ONE = safetensors_file({"a.weight": ("BF16", (1000, 500), 1_000_000)})
TWO = safetensors_file({"b.weight": ("BF16", (1000, 400), 800_000)})
SMALL = {"config.json": b'{"model_type": "glm4v"}', "tokenizer.json": b"{}", "chat_template.jinja": b"{{ messages }}"}
SINGLE = SMALL | {"model.safetensors": ONE}
PARTS = SMALL | {
    "model.safetensors.index.json": json.dumps(
        {"weight_map": {"a.weight": "model-00001-of-00002.safetensors", "b.weight": "model-00002-of-00002.safetensors"}}
    ).encode(),
    "model-00001-of-00002.safetensors": ONE,
    "model-00002-of-00002.safetensors": TWO,
}
NOT_NEEDED = {
    "README.md": b"#",
    "pytorch_model.bin": b"pickle",
    "modeling_own.py": b"evil",
    "consolidated.safetensors": TWO,
    "onnx/model.onnx": b"onnx",
    "original/config.json": b"{}",
}


def _pull(
    hub: ModelHub, cache: Path, source: SourceName = "huggingface", token: str | None = None, **how: Any
) -> Pulled:
    with Web(hub.endpoint, token=token) as web:
        return pull(web, source_of(source, web), cache, hub.model, pause_s=0.001, **how)


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _blobs(cache: Path) -> set[str]:
    return _names(cache / "models--tiny--see" / "blobs")


@pytest.mark.parametrize("source", ["huggingface", "modelscope"])
@pytest.mark.parametrize("files", [SINGLE, PARTS], ids=["one file", "parts"])
def test_what_a_model_needs_is_here_afterwards_and_nothing_else(
    tmp_path: Path, source: SourceName, files: dict[str, bytes]
) -> None:
    with model_hub(files | NOT_NEEDED) as hub:
        pulled = _pull(hub, tmp_path, source)

    assert {path.name: path.read_bytes() for path in pulled.folder.iterdir()} == files
    assert pulled.size == pulled.fetched == sum(map(len, files.values()))
    assert all(path.is_symlink() for path in pulled.folder.iterdir())
    assert (tmp_path / "models--tiny--see" / "refs" / "main").read_text() == pulled.folder.name


def test_others_find_it_where_they_look(tmp_path: Path) -> None:
    """huggingface_hub itself, without a network, by name and by commit."""
    hub_library = pytest.importorskip("huggingface_hub", reason="the extra `gpu` is not installed")
    with model_hub(PARTS, revisions={"v1.0"}) as hub:
        pulled = _pull(hub, tmp_path, revision="v1.0")

    for revision in ("v1.0", COMMIT):
        found = hub_library.snapshot_download("tiny/see", revision=revision, cache_dir=tmp_path, local_files_only=True)
        assert Path(found) == pulled.folder


def test_files_with_the_same_content_come_once(tmp_path: Path) -> None:
    files = SINGLE | {"vocab.json": SMALL["tokenizer.json"], "added_tokens.json": SMALL["tokenizer.json"]}
    with model_hub(files) as hub:
        pulled = _pull(hub, tmp_path)

        assert len(hub.asked) == 1 + len(SINGLE)
    assert {path.name: path.read_bytes() for path in pulled.folder.iterdir()} == files


def test_code_comes_only_when_it_is_asked_for(tmp_path: Path) -> None:
    with model_hub(SINGLE | NOT_NEEDED) as hub:
        assert "modeling_own.py" in _names(_pull(hub, tmp_path, code=True).folder)


def test_what_broke_off_goes_on_where_it_ended(tmp_path: Path) -> None:
    seen: list[int] = []
    with model_hub(SINGLE, budgets={"model.safetensors": deque([300_000, 300_000])}) as hub:
        watcher = Watcher(advanced=lambda file, count: seen.append(count))
        pulled = _pull(hub, tmp_path, watcher=watcher)

        assert hub.fetched("model.safetensors") == [None, "bytes=300000-", "bytes=600000-"]
    assert (pulled.folder / "model.safetensors").read_bytes() == ONE
    assert sum(seen) == pulled.size


def test_the_next_run_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    """Several breaks in a row end the command, but not what it has."""
    with model_hub(SINGLE, budgets={"model.safetensors": deque([500_000, *[0] * 6])}) as hub:
        with pytest.raises(CheckpointError, match="broke off again and again") as caught:
            _pull(hub, tmp_path)
        assert "goes on where it ended" in caught.value.hint
        assert not (tmp_path / "models--tiny--see" / "snapshots").exists()
        hub.asked.clear()
        pulled = _pull(hub, tmp_path)

        assert hub.fetched("model.safetensors") == ["bytes=500000-"]
    assert (pulled.folder / "model.safetensors").read_bytes() == ONE
    assert pulled.fetched == len(ONE) - 500_000


def test_a_hub_that_knows_no_ranges_sends_all_of_it_again(tmp_path: Path) -> None:
    with model_hub(SINGLE, budgets={"model.safetensors": deque([300_000])}, ranges=False) as hub:
        pulled = _pull(hub, tmp_path)

    assert (pulled.folder / "model.safetensors").read_bytes() == ONE


def test_a_hub_that_is_busy_is_asked_again(tmp_path: Path) -> None:
    with model_hub(SINGLE, statuses={"config.json": deque([503, 429])}) as hub:
        assert "config.json" in _names(_pull(hub, tmp_path).folder)


def test_a_part_that_was_wrong_is_thrown_away(tmp_path: Path) -> None:
    with model_hub(SINGLE) as hub:
        pulled = _pull(hub, tmp_path)
        blob = (pulled.folder / "model.safetensors").resolve()
        blob.rename(blob.with_name(blob.name + ".incomplete"))
        with blob.with_name(blob.name + ".incomplete").open("r+b") as part:
            part.write(b"rot")
            part.truncate(400_000)
        hub.asked.clear()
        _pull(hub, tmp_path)

        assert hub.fetched("model.safetensors") == ["bytes=400000-", None]
    assert blob.read_bytes() == ONE


def test_a_file_that_rotted_on_the_disk_is_fetched_again(tmp_path: Path) -> None:
    with model_hub(SINGLE) as hub:
        pulled = _pull(hub, tmp_path)
        blob = (pulled.folder / "model.safetensors").resolve()
        blob.write_bytes(b"rot" + ONE[3:])
        hub.asked.clear()
        _pull(hub, tmp_path)

        assert hub.fetched("model.safetensors") == [None]
        assert hub.fetched("config.json") == []
    assert blob.read_bytes() == ONE


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", bytes(len(ONE))),  # large files have a sha256
        ("config.json", bytes(len(SMALL["config.json"]))),  # small ones git's own sum
    ],
)
def test_bytes_that_are_not_those_announced_are_never_seen(tmp_path: Path, name: str, content: bytes) -> None:
    with (
        model_hub(SINGLE, sends={name: content}) as hub,
        pytest.raises(ChecksumError, match="is not what the hub says"),
    ):
        _pull(hub, tmp_path)

    assert not (tmp_path / "models--tiny--see" / "snapshots").exists()
    assert not [blob for blob in (tmp_path / "models--tiny--see" / "blobs").iterdir() if blob.read_bytes() == content]


def test_a_file_longer_than_announced_is_cut_off(tmp_path: Path) -> None:
    with (
        model_hub(SINGLE, sends={"model.safetensors": ONE + bytes(50_000_000)}) as hub,
        pytest.raises(ChecksumError, match="longer than the hub says"),
    ):
        _pull(hub, tmp_path)

    assert all(path.stat().st_size <= len(ONE) for path in (tmp_path / "models--tiny--see" / "blobs").iterdir())


def test_weights_without_a_checksum_are_not_taken(tmp_path: Path) -> None:
    with (
        model_hub(SMALL, rows=[{"rfilename": "model.safetensors", "size": 5}]) as hub,
        pytest.raises(CheckpointError, match="no checksum"),
    ):
        _pull(hub, tmp_path)


@pytest.mark.parametrize(
    "name", ["../../../config.json", "/etc/config.json", "..", "a/../b.json", "x\\..\\config.json", "-rf.json", 5, None]
)
def test_names_that_lead_elsewhere_are_no_names(tmp_path: Path, name: Any) -> None:
    with model_hub(SINGLE, rows=[{"rfilename": name, "size": 3, "blobId": "0" * 40}]) as hub:
        pulled = _pull(hub, tmp_path / "cache")

    assert _names(pulled.folder) == set(SINGLE)
    assert _names(tmp_path) == {"cache"}


@pytest.mark.parametrize("part", ["../../evil.safetensors", "/etc/evil.safetensors", "evil.bin", 7])
def test_an_index_that_leads_elsewhere_is_refused(tmp_path: Path, part: Any) -> None:
    files = PARTS | {"model.safetensors.index.json": json.dumps({"weight_map": {"a": part}}).encode()}
    with model_hub(files) as hub, pytest.raises(CheckpointError, match="does not name its files"):
        _pull(hub, tmp_path)


def test_a_part_that_the_hub_lacks_is_named(tmp_path: Path) -> None:
    files = dict(PARTS)
    del files["model-00002-of-00002.safetensors"]
    with model_hub(files) as hub, pytest.raises(CheckpointError, match="does not have model-00002-of-00002"):
        _pull(hub, tmp_path)


@pytest.mark.parametrize(
    "listing",
    [
        b"<html>",
        b"[]",
        b"null",
        b"[" * 100_000,
        {"sha": "../../x", "siblings": []},
        {"sha": COMMIT, "siblings": "none"},
        {"sha": COMMIT, "siblings": [1, None, {"rfilename": "config.json", "size": -1}]},
        {"sha": COMMIT, "siblings": [{"rfilename": "config.json", "size": 10**18, "blobId": "0" * 40}]},
        {"sha": COMMIT, "siblings": [{"rfilename": "config.json", "size": 80_000_000, "blobId": "0" * 40}]},
        {"sha": COMMIT, "siblings": [{"rfilename": "config.json", "size": 1}]},
        {"sha": COMMIT, "siblings": [{"rfilename": "\ud800", "size": 1}]},
    ],
    ids=lambda listing: str(listing)[:40],
)
@pytest.mark.parametrize("source", ["huggingface", "modelscope"])
def test_an_answer_that_is_no_listing_is_said(tmp_path: Path, listing: Any, source: SourceName) -> None:
    with model_hub(SINGLE, listing=listing) as hub, pytest.raises(CheckpointError) as caught:
        _pull(hub, tmp_path, source)
    assert caught.value.hint


def test_an_answer_without_end_is_cut_off(tmp_path: Path) -> None:
    with (
        model_hub(SINGLE, listing=b" " * (33 * 1024 * 1024)) as hub,
        pytest.raises(CheckpointError, match="larger than"),
    ):
        _pull(hub, tmp_path)


def test_a_redirect_to_where_the_bytes_are_is_followed_without_the_token(tmp_path: Path) -> None:
    with model_hub(SINGLE) as other, model_hub(SINGLE, token="secret") as hub:
        hub.redirects["model.safetensors"] = f"{other.endpoint}/elsewhere/model.safetensors"
        pulled = _pull(hub, tmp_path, token="secret")

        assert [authorization for _, _, authorization in other.asked] == [None]
        assert {authorization for _, _, authorization in hub.asked} == {"Bearer secret"}
    assert (pulled.folder / "model.safetensors").read_bytes() == ONE


@pytest.mark.parametrize(
    "target",
    [
        *("file:///etc/passwd", "ftp://127.0.0.1/x", "http://user:pw@127.0.0.1/x", "http://h:99999/", "//", "http://"),
        *("http://[", "http://..../", f"http://{'a' * 300}/"),
    ],
)
def test_a_redirect_that_makes_no_sense_is_not_followed(tmp_path: Path, target: str) -> None:
    with model_hub(SINGLE, redirects={"config.json": target}) as hub, pytest.raises(CheckpointError, match="sends us"):
        _pull(hub, tmp_path)


@pytest.mark.parametrize("target", ["http://[::1", "http://xn--/"])
def test_a_redirect_that_cannot_be_read_is_no_crash(tmp_path: Path, target: str) -> None:
    with model_hub(SINGLE, redirects={"config.json": target}) as hub, pytest.raises(CheckpointError, match="broke"):
        _pull(hub, tmp_path)


def test_a_redirect_in_a_circle_ends(tmp_path: Path) -> None:
    with model_hub(SINGLE) as hub:
        hub.redirects["config.json"] = f"{hub.endpoint}/tiny/see/resolve/{COMMIT}/config.json"
        with pytest.raises(CheckpointError, match="from one place to the next"):
            _pull(hub, tmp_path)


def test_a_wrong_revision_is_said(tmp_path: Path) -> None:
    with model_hub(SINGLE) as hub, pytest.raises(CheckpointError, match="does not know tiny/see at v9"):
        _pull(hub, tmp_path, revision="v9")


def test_a_wrong_name_is_said(tmp_path: Path) -> None:
    with (
        model_hub(SINGLE, model="tiny/other") as hub,
        Web(hub.endpoint) as web,
        pytest.raises(CheckpointError, match="does not know tiny/see at main"),
    ):
        pull(web, source_of("huggingface", web), tmp_path, "tiny/see")


def test_a_token_that_is_missing_is_said(tmp_path: Path) -> None:
    with model_hub(SINGLE, token="secret") as hub:
        with pytest.raises(TokenError, match="private, gated") as caught:
            _pull(hub, tmp_path)
        assert "--token-env" in caught.value.hint
        assert caught.value.exit_code == 10


def test_a_hub_that_is_not_there_is_said(tmp_path: Path) -> None:
    with model_hub(SINGLE) as hub:
        pass
    with pytest.raises(CheckpointError, match="does not answer: no connection"):
        _pull(hub, tmp_path)


def test_two_pulls_of_one_model_do_not_meet(tmp_path: Path) -> None:
    with (
        model_hub(SINGLE) as hub,
        ModelFolder(tmp_path, hub.model).locked(),
        pytest.raises(CheckpointError, match="pulled by another process"),
    ):
        _pull(hub, tmp_path)


def test_a_disk_that_is_too_small_is_said_before_anything_comes(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    file = RemoteFile("model.safetensors", free, "http://127.0.0.1:9/", sha256="0" * 64)
    folder = ModelFolder(tmp_path, "a/b")
    with folder.locked(), pytest.raises(NoRoomError, match="are to come"):
        folder.make_room(Listing(COMMIT, {file.name: file}), [file])


def test_one_file_that_fails_ends_the_others(tmp_path: Path) -> None:
    """Nobody waits for gigabytes that are of no use."""
    broken = deque([1] * 1000)
    with model_hub(SINGLE, statuses={"config.json": deque([403])}, budgets={"model.safetensors": broken}) as hub:
        with pytest.raises(TokenError):
            _pull(hub, tmp_path)
        assert len(hub.fetched("model.safetensors")) <= 6
    assert not (tmp_path / "models--tiny--see" / "snapshots").exists()


def test_a_hub_that_only_drips_is_as_good_as_gone(tmp_path: Path) -> None:
    file = RemoteFile("model.safetensors", 1_000_000, "http://127.0.0.1:9/", sha256="0" * 64)
    times = iter(range(0, 10_000, 40))
    drops = iter([b"x" * 1000] * 100)
    with (tmp_path / "part").open("ab") as out, pytest.raises(Interrupted, match="hardly comes"):
        append(Body(0, drops), file, out, 0, lambda count: None, threading.Event(), lambda: next(times))
    assert len(list(drops)) == 98


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://hf-mirror.com",
        "ftp://127.0.0.1",
        "huggingface.co",
        "https://",
        "https://u:p@h",
        "https://h?x",
        "http://[::1",
        "",
    ],
)
def test_a_hub_that_cannot_be_trusted_to_be_itself_is_refused(endpoint: str) -> None:
    with pytest.raises(ValueError, match=r"no address of a hub|not encrypted"):
        check_endpoint(endpoint)


@pytest.mark.parametrize(
    "endpoint", ["https://hf-mirror.com", "https://gw.example/hf", "http://127.0.0.1:8080", "http://localhost"]
)
def test_hubs_may_be_anywhere_else(endpoint: str) -> None:
    check_endpoint(endpoint)
