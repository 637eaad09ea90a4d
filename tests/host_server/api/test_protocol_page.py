"""The numbers on docs/protocol.md are those of the code."""

from pathlib import Path

import pytest

from host_server import imaging
from host_server.api import body, server, socket
from host_server.api.limits import ApiLimits
from host_server.core.rates import RateLimits
from host_server.service import Limits, pictures
from host_server.wire.acks import WINDOW

PAGE = " ".join((Path(__file__).parents[3] / "docs" / "protocol.md").read_text(encoding="utf-8").split())
API, SERVICE, RATES = ApiLimits(), Limits(), RateLimits()
MIB = 1024 * 1024


@pytest.mark.parametrize(
    "line",
    [
        f"| connections | {API.connections}, of which {API.silent_connections} may say nothing, {API.head_s:g} s each",
        f"| sockets | {API.sockets} | close 1013 |",
        f"| questions at once on a socket | {socket.MAX_INFLIGHT}, waiting ones included",
        f"| questions at once of one key | {SERVICE.max_per_principal} |",
        f"| questions waiting for an engine | {SERVICE.max_waiting} |",
        f"| batch questions at once of one key | {SERVICE.max_batch_per_principal} |",
        f"| batch questions waiting for an engine | {SERVICE.max_batch_waiting} |",
        f"| a question in the queue | {SERVICE.queue_s / 60:g} min, batch {SERVICE.batch_queue_s / 60:g} min,",
        f"| {RATES.requests.per_minute} a minute, {RATES.requests.burst} at once;",
        f"| {RATES.bytes.per_minute / 1024**3:g} GiB a minute, {RATES.bytes.burst / MIB:g} MiB at once |",
        f"| uploads at a time | {pictures._UPLOADS_EACH} of one key, {pictures._UPLOADS} together |",
        f"| {socket.MAX_MESSAGE // MIB} MiB, {body.MAX_JSON // MIB} MiB, {imaging.MAX_BYTES // MIB} MiB |",
        f"| a body | {API.body_idle_s:g} s for its next piece, {API.body_s / 60:g} min in all |",
        f"| an answer, from the engine's beginning | {SERVICE.answer_s / 60:g} min,",
        f"can be resumed for {SERVICE.grace_s:g} s;",
        f"known for {SERVICE.keep_s / 3600:g} hours, at most {SERVICE.keep_answers} of them and",
        f"of them and {SERVICE.keep_bytes // MIB} MiB",
        f"takes nothing for {API.send_s:g} s is cut off,",
        f"a ping (every {API.ping_s:g} s) within {API.pong_s:g} s.",
        f"no more than {WINDOW // 1024} KiB are sent ahead, and {API.ack_s:g} s without progress",
        f"running answers go on for {server._DRAIN_S:g} s,",
    ],
)
def test_a_limit_is_told_as_it_is(line: str) -> None:
    assert line in PAGE
