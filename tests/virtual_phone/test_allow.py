"""The allow-list follows `reverse:` requests exactly as the adb server's own does."""

from hypothesis import given
from hypothesis import strategies as st

from virtual_phone.allow import AllowList


def _after(*services: str) -> AllowList:
    allowed = AllowList()
    for service in services:
        allowed.heard(service)
    return allowed


def test_only_a_configured_destination_may_be_opened() -> None:
    allowed = _after("reverse:forward:tcp:8017;tcp:5000")
    assert allowed.allows("tcp:5000")
    assert not allowed.allows("tcp:8017")
    assert not allowed.allows("tcp:5001")


def test_other_services_configure_nothing() -> None:
    for service in ("shell:reverse:forward:a;tcp:1", "reverse", "forward:a;tcp:1", "reverse:list-forward", "tcp:1"):
        assert not _after(service).allows("tcp:1")


def test_a_forward_without_a_destination_configures_nothing() -> None:
    assert not _after("reverse:forward:tcp:1").allows("")


def test_a_second_forward_of_the_same_listener_replaces_the_first() -> None:
    allowed = _after("reverse:forward:tcp:0;tcp:1", "reverse:forward:tcp:0;tcp:2")
    assert not allowed.allows("tcp:1")
    assert allowed.allows("tcp:2")


def test_norebind_does_not_replace() -> None:
    allowed = _after("reverse:forward:tcp:8;tcp:1", "reverse:forward:norebind:tcp:8;tcp:2")
    assert allowed.allows("tcp:1")
    assert not allowed.allows("tcp:2")


def test_norebind_of_a_new_listener_counts() -> None:
    assert _after("reverse:forward:norebind:tcp:8;tcp:2").allows("tcp:2")


def test_a_killed_forward_is_forgotten() -> None:
    allowed = _after("reverse:forward:tcp:8;tcp:1", "reverse:forward:tcp:9;tcp:2", "reverse:killforward:tcp:8")
    assert not allowed.allows("tcp:1")
    assert allowed.allows("tcp:2")


def test_killing_what_is_not_there_changes_nothing() -> None:
    assert _after("reverse:forward:tcp:8;tcp:1", "reverse:killforward:tcp:9").allows("tcp:1")


def test_all_can_be_forgotten_by_the_host_and_by_the_end_of_the_connection() -> None:
    assert not _after("reverse:forward:tcp:8;tcp:1", "reverse:killforward-all").allows("tcp:1")
    allowed = _after("reverse:forward:tcp:8;tcp:1")
    allowed.clear()
    assert not allowed.allows("tcp:1")


_listeners = st.sampled_from(["tcp:0", "tcp:1", "tcp:2"])
_destinations = st.sampled_from(["tcp:7", "tcp:8", "tcp:9"])
_requests = st.one_of(
    st.builds("reverse:forward:{};{}".format, _listeners, _destinations),
    st.builds("reverse:forward:norebind:{};{}".format, _listeners, _destinations),
    st.builds("reverse:killforward:{}".format, _listeners),
    st.just("reverse:killforward-all"),
)


@given(st.lists(_requests, max_size=12))
def test_nothing_is_allowed_that_no_request_named_after_the_last_kill(services: list[str]) -> None:
    allowed = _after(*services)
    last = max((at for at, service in enumerate(services) if service == "reverse:killforward-all"), default=-1)
    named = {service.rpartition(";")[2] for service in services[last + 1 :] if ";" in service}
    assert {destination for destination in ("tcp:7", "tcp:8", "tcp:9") if allowed.allows(destination)} <= named
