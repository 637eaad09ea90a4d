"""`bridge devices`: every phone adb knows, its state in words, and the next step where it cannot be used."""

from bridge.cli.options import Json, Timeout
from bridge.cli.output import Output

__all__ = ["devices"]


def devices(*, json: Json = False, timeout: Timeout = 15.0) -> None:
    """List the phones, with their states and what to do about them."""
    import asyncio

    from bridge.adb.choose import all_devices

    output = Output(as_json=json)
    lines = asyncio.run(all_devices(timeout or 15.0))
    if json:
        for line in lines:
            fields = ("serial", "state", "transport_id", "product", "model", "device", "usb")
            output.json({name: getattr(line, name) for name in fields} | {"hint": line.hint})
        return
    if not lines:
        output.say("no phones", detail="plug one in with USB debugging on, or try `bridge demo`")
        return
    output.table(
        ("SERIAL", "STATE", "MODEL", "BY"),
        [
            (line.serial, line.state, line.model.replace("_", " "), "tcp" if line.over_network else "usb")
            for line in lines
        ],
    )
    for line in lines:
        if not line.ready:
            output.say(f"{line.serial}: {line.hint}")
