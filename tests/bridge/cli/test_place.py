"""Where `bridge capture` writes: whole files, under names of ours, and never over what nobody named."""

from pathlib import Path

import pytest

from bridge.cli.place import misnamed, place_for
from bridge.errors import UsageError
from bridge.spool import Capture

BLOB = b"a picture"
UNREADABLE = Path("/proc/self/mem")


@pytest.fixture
def blob(tmp_path: Path) -> Path:
    path = tmp_path / "blob"
    path.write_bytes(BLOB)
    return path


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def capture(media_type: str = "image/jpeg") -> Capture:
    """A capture whose phone calls its file something dangerous."""
    return Capture("cap_1", "dev_0123456789abcdef", "0" * 64, 9, "camera", "../../x", 0, media_type, 1_800_000_000.0)


def test_a_named_file_is_written_over_whole_and_leaves_nothing_beside_it(blob: Path, here: Path) -> None:
    (here / "x.jpg").write_bytes(b"older")
    assert place_for(str(here / "x.jpg"), several=False).write(blob, capture()) == here / "x.jpg"
    assert (here / "x.jpg").read_bytes() == BLOB
    assert [path.name for path in here.iterdir()] == ["x.jpg"]


def test_a_file_that_cannot_be_written_keeps_the_older_one(tmp_path: Path, here: Path) -> None:
    (here / "x.jpg").write_bytes(b"older")
    with pytest.raises(UsageError):
        place_for(str(here / "x.jpg"), several=False).write(tmp_path / "no such blob", capture())
    assert (here / "x.jpg").read_bytes() == b"older"
    assert [path.name for path in here.iterdir()] == ["x.jpg"]


@pytest.mark.skipif(not UNREADABLE.exists(), reason="a file that opens and cannot be read is needed")
@pytest.mark.parametrize("out", ["x.jpg", ""])
def test_a_copy_that_breaks_off_leaves_no_half_picture(here: Path, out: str) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        place_for(f"{here}/{out}", several=False).write(UNREADABLE, capture())
    assert list(here.iterdir()) == []


def test_in_a_folder_each_picture_has_a_name_of_its_own(blob: Path, here: Path) -> None:
    place = place_for(f"{here}/shots/", several=True)
    paths = [place.write(blob, capture()) for _ in range(3)] + [place.write(blob, capture("image/png"))]
    assert len(set(paths)) == 4
    assert all(path.parent == here / "shots" and path.name.startswith("camera-") for path in paths)
    assert [path.suffix for path in paths] == [".jpg"] * 3 + [".png"]
    assert all("89abcdef" in path.name for path in paths)


def test_a_picture_that_cannot_be_copied_into_a_folder_is_no_file(tmp_path: Path, here: Path) -> None:
    with pytest.raises(UsageError):
        place_for(str(here), several=False).write(tmp_path / "no such blob", capture())
    assert list(here.iterdir()) == []


def test_left_out_it_is_the_folder_here(blob: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here)
    path = place_for(None, several=False).write(blob, capture())
    assert not path.is_absolute()
    assert path.read_bytes() == BLOB


@pytest.mark.parametrize("out", ["x.png", "x.JPG", "taken"])
def test_one_file_is_no_place_for_several(here: Path, out: str) -> None:
    (here / "taken").write_bytes(b"")
    with pytest.raises(UsageError, match="one file") as caught:
        place_for(str(here / out), several=True)
    assert "-o DIR/" in caught.value.hint


def test_a_folder_that_is_not_there_is_said_before_any_picture_is_taken(here: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder") as caught:
        place_for(str(here / "nowhere" / "x.png"), several=False)
    assert caught.value.hint
    (here / "taken").write_bytes(b"")
    with pytest.raises(UsageError, match="cannot be written"):
        place_for(str(here / "taken" / "more") + "/", several=False)
    assert [path.name for path in here.iterdir()] == ["taken"]


@pytest.mark.parametrize(
    ("name", "media_type", "said"),
    [
        ("x.jpg", "image/png", "; a PNG in spite of its name"),
        ("x.PNG", "image/jpeg", "; a JPEG in spite of its name"),
        ("x.jpeg", "image/jpeg", ""),
        ("x.png", "image/png", ""),
        ("x", "image/png", ""),
    ],
)
def test_a_name_that_promises_another_kind_of_picture_is_noticed(name: str, media_type: str, said: str) -> None:
    assert misnamed(Path(name), media_type) == said
