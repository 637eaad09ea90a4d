"""`bridge disconnect`: end the `bridge connect` that holds a phone, wherever it runs."""

from bridge.cli.options import Json, SerialArgument, StateDir, Timeout
from bridge.cli.output import Output
from bridge.errors import DeadlinePassed, NoSuchDevice

__all__ = ["disconnect"]

LOOK_EVERY_S = 0.05


def disconnect(
    *, serial: SerialArgument = None, json: Json = False, state_dir: StateDir = None, timeout: Timeout = 10.0
) -> None:
    """Stop the bridge of a phone. Its tunnel is removed, its page may no longer ask."""
    import os
    import signal
    import time

    from bridge.config import load
    from bridge.supervise.lease import holder, holders

    output = Output(as_json=json)
    folder = load(state_dir=state_dir).state_dir
    held = holders(folder)
    meant = [info for info in held if serial is None or info.serial.startswith(serial)]
    if len(meant) != 1:
        names = ", ".join(info.serial for info in held)
        which = (
            "no connected phone matches"
            if serial
            else "several phones are connected"
            if meant
            else "no phone is connected"
        )
        raise NoSuchDevice(
            f"{which}{f' {serial}' if serial else ''}",
            hint=f"connected now: {names}" if held else "`bridge connect` connects one",
        )
    info = meant[0]
    os.kill(info.pid, signal.SIGTERM)
    until = time.monotonic() + (timeout or 10.0)
    while holder(folder, info.serial) is not None:
        if time.monotonic() > until:
            raise DeadlinePassed(f"process {info.pid} does not end", hint=f"end it yourself: kill {info.pid}")
        time.sleep(LOOK_EVERY_S)
    output.say(f"{info.serial} disconnected")
    if json:
        output.json({"serial": info.serial, "disconnected": True})
