"""Each picture has its replica, whoever else comes and goes."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from host_server.engines.upstream.rendezvous import ranked

NAMES = st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=8, unique=True)


@given(st.text(), NAMES)
def test_every_replica_has_its_place(key: str, names: list[str]) -> None:
    assert sorted(ranked(key, names)) == list(range(len(names)))


@given(st.text(), NAMES)
def test_the_order_of_the_list_does_not_matter(key: str, names: list[str]) -> None:
    there = [names[at] for at in ranked(key, names)]
    back = names[::-1]

    assert [back[at] for at in ranked(key, back)] == there


@given(st.text(), NAMES, st.data())
def test_a_replica_that_goes_takes_nobody_elses_keys_along(key: str, names: list[str], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(names))
    order = [names[at] for at in ranked(key, names)]
    left = [name for name in names if name != gone]

    assert [left[at] for at in ranked(key, left)] == [name for name in order if name != gone]


def test_keys_are_spread_evenly() -> None:
    counts = Counter(ranked(f"{number:064x}", ["a", "b", "c"])[0] for number in range(3000))

    assert all(900 < count < 1100 for count in counts.values())


def test_the_scores_never_change() -> None:
    """Another release, or another host in front of the same replicas, must agree."""
    assert ranked("0" * 64, ["http://a/v1", "http://b/v1", "http://c/v1"]) == [0, 2, 1]
