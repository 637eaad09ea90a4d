"""Whether the phone can reach this laptop through adb: a listener of our own, asked from the phone, and taken away.

A listener that is listed proves nothing, since adb accepts connections with nobody behind. So a word is sent through.
"""

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from shlex import quote

from bridge.adb.faults import NoReverse
from bridge.adb.transport import ReverseEntry, Transport
from bridge.adb.tunnels import same_listener
from bridge.doctor.finding import PHONE_CODE, Finding, failed, passed, warned
from bridge.errors import BridgeError, DeadlinePassed

__all__ = ["ReverseFacts", "judge_port", "judge_reverse", "probe_reverse"]

PORTS = range(38_017, 38_117)
STEP_S, SEND_S, WORD_S = 3.0, 3.0, 1.0
TRIES = 3
NO_NC = (b"not found", b"inaccessible", b"Unknown command")


@dataclass(frozen=True, slots=True)
class ReverseFacts:
    """What came of it: `refused` is why no listener could be made, `arrived` None when the phone has no way to ask."""

    refused: BridgeError | None = None
    arrived: bool | None = None


async def probe_reverse(transport: Transport) -> ReverseFacts:
    """Make a reverse to a listener of ours, have the phone send a word to it, take it away again."""
    came = asyncio.Event()
    word = secrets.token_hex(8)

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            if await reader.readexactly(len(word)) == word.encode():
                came.set()
        writer.close()

    server = await asyncio.start_server(hear, "127.0.0.1", 0)
    try:
        remote = await _made(transport, f"tcp:{server.sockets[0].getsockname()[1]}")
        if isinstance(remote, BridgeError):
            return ReverseFacts(refused=remote)
        try:
            return ReverseFacts(arrived=await _arrived(transport, remote, word, came))
        finally:
            # Also when the time is over: what we made is ours to take away.
            await asyncio.shield(transport.reverse_remove(remote, deadline=STEP_S))
    finally:
        server.close()


async def _made(transport: Transport, local: str) -> str | BridgeError:
    """A listener on a port that nobody has, or the last reason why there is none."""
    try:
        taken = [entry.remote for entry in await transport.reverse_list(deadline=STEP_S)]
    except NoReverse as error:
        return error
    free = [port for port in PORTS if not any(same_listener(f"tcp:{port}", remote) for remote in taken)]
    problem = BridgeError("every port for a try is taken")
    for port in secrets.SystemRandom().sample(free, min(TRIES, len(free))):
        remote = f"tcp:localhost:{port}"
        try:
            await transport.reverse(remote, local, norebind=True, deadline=STEP_S)
        except BridgeError as error:
            problem = error
        else:
            return remote
    return problem


async def _arrived(transport: Transport, remote: str, word: str, came: asyncio.Event) -> bool | None:
    """Whether a word that the phone sends comes to us; None where it has nothing to send it with."""
    port = remote.rpartition(":")[2]
    send = f"echo {word} | toybox nc localhost {port} || echo {word} | nc localhost {port}"
    try:
        result = await transport.shell(["sh", "-c", send], deadline=SEND_S)
    except DeadlinePassed:
        return came.is_set()
    with suppress(TimeoutError):
        async with asyncio.timeout(WORD_S if result.exit_code in {0, None} else 0):
            await came.wait()
    if came.is_set():
        return True
    return None if any(words in result.stderr for words in NO_NC) else False


def judge_reverse(area: str, facts: ReverseFacts) -> Finding:
    """Whether the page can be on the phone. Without it pictures still come from the camera folder."""
    if isinstance(facts.refused, NoReverse):
        text = "no page on this phone; its camera folder, `ask` and `capture` need no reverse"
        return warned(area, "reverse", f"{text} ({facts.refused.message})", hint=facts.refused.hint)
    if facts.refused is not None:
        text = f"the phone cannot reach this laptop: {facts.refused.message}"
        return failed(area, "reverse", text, hint=facts.refused.hint, exit_code=PHONE_CODE)
    if facts.arrived is False:
        text = "the phone listens for the page, but nothing comes through to this laptop"
        hint = "replug the phone; does a VPN or firewall of the phone block its own localhost?"
        return failed(area, "reverse", text, hint=hint, exit_code=PHONE_CODE)
    how = "a word came through" if facts.arrived else "made and taken away; the phone has no `nc` to try it with"
    return passed(area, "reverse", f"the phone reaches this laptop: {how}")


def judge_port(
    area: str, port: int, entries: Sequence[ReverseEntry], *, ours: Sequence[str], held: str = ""
) -> Finding:
    """Who has the page's port on the phone. `ours` are the places our book or a running front leads it to."""
    entry = next((entry for entry in entries if same_listener(entry.remote, f"tcp:{port}")), None)
    if entry is None:
        return passed(area, "port", f"{port} is free for the page", port=port)
    if entry.local in ours:
        by = f"leads to {held}" if held else "was left by a bridge that ended; the next one takes it over"
        return passed(area, "port", f"{port} {by}", port=port, local=entry.local)
    serial = area.removeprefix("phone ")
    text = f"{port} of the phone is led to {entry.local} by another tool"
    hint = f"`adb -s {quote(serial)} reverse --remove tcp:{port}`, or `bridge connect --phone-port` with another port"
    return failed(area, "port", text, hint=hint, exit_code=PHONE_CODE, port=port, local=entry.local)
