"""How many lines strangers may write."""

from host_server.core.lines import LineLimit


def test_what_is_too_much_in_a_window_is_left_out_and_told_later() -> None:
    lines = LineLimit(limit=2, window_s=60.0)

    assert [lines.write(now=now) for now in (0.0, 1.0, 2.0, 59.9)] == [0, 0, None, None]
    assert [lines.write(now=now) for now in (60.0, 61.0, 62.0)] == [2, 0, None]
