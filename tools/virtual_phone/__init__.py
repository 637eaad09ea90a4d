"""A virtual Android phone: the device side of the ADB protocol, driven by Google's own adb server.

    adb server ──TCP── link ── core (pure) ── channel ── services ──┬─ shell, exec    a real shell in a sandbox
                        │        │                                  ├─ sync           files, confined to the phone
                        │        ├─ packets, streams: the wire      ├─ tcp, abstract  the phone's own servers
                        │        ├─ events: what it tells link      └─ reverse        the phone's own listeners
                        │        ├─ auth: RSA by pow()
                        │        └─ allow: what may be opened on the host
                        └─ one for each connection

    stub commands (am, input, getprop …) ──UNIX socket── control ── commands ── device ── camera
    image, sandbox: what the shell sees    files: the phone's own paths    loopback: the phone's own localhost
    releases: what differs between Android releases and their daemons
    manners: where it may misbehave    rogues: the named ways in which it does
    phone = all of it, on and off, with its faults                         cli = phones in a terminal

Standard library only. `VirtualPhone` is the whole API; `python -m virtual_phone` is the command.
"""

from virtual_phone.loopback import LoopbackTakenError
from virtual_phone.phone import VirtualPhone
from virtual_phone.releases import DAEMONS, FEATURES, RELEASES
from virtual_phone.rogues import ROGUES
from virtual_phone.sandbox import SandboxError

__all__ = ["DAEMONS", "FEATURES", "RELEASES", "ROGUES", "LoopbackTakenError", "SandboxError", "VirtualPhone"]
