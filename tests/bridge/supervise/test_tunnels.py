"""What we made is known after a crash; what others made is never ours."""

from pathlib import Path

from bridge.supervise.tunnels import TunnelBook


def test_a_noted_tunnel_is_ours_also_for_the_next_process(tmp_path: Path) -> None:
    TunnelBook(tmp_path).note("R58M", "tcp:8017", "tcp:40000")

    assert TunnelBook(tmp_path).is_ours("R58M", "tcp:8017", "tcp:40000")


def test_the_same_port_to_another_place_or_on_another_phone_is_not_ours(tmp_path: Path) -> None:
    book = TunnelBook(tmp_path)
    book.note("R58M", "tcp:8017", "tcp:40000")

    assert not book.is_ours("R58M", "tcp:8017", "tcp:8081")
    assert not book.is_ours("other", "tcp:8017", "tcp:40000")


def test_a_removed_tunnel_is_forgotten_and_leaves_nothing(tmp_path: Path) -> None:
    book = TunnelBook(tmp_path)
    book.note("R58M", "tcp:8017", "tcp:40000")
    book.forget("R58M", "tcp:8017")
    book.forget("R58M", "tcp:8017")

    assert not book.is_ours("R58M", "tcp:8017", "tcp:40000")
    assert (tmp_path / "tunnels.json").read_text() == "{}"


def test_a_damaged_book_counts_as_empty(tmp_path: Path) -> None:
    (tmp_path / "tunnels.json").write_text('["not", "a", "book"')

    assert not TunnelBook(tmp_path).is_ours("R58M", "tcp:8017", "tcp:40000")
