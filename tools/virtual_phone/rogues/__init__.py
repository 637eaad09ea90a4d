"""The rogue corpus: ways in which phones misbehave, each with a name.

    with phone.behaving("two_displays"):    in a test
    python -m virtual_phone --rogue NAME    in a terminal; --list-rogues tells them all

    corpus ── all by name ──┬─ cameras   strange names, unfinished pictures, links, a full storage
    rogue: what one is      ├─ lies      over sync: sizes, files without an end, listings of what cannot be
                            ├─ silence   at each step; and talk without an end
                            └─ screens   screencap that shows no picture of the screen, or more than that

A rogue gets the phone's `Parts`, changes something for as long as it is entered, and puts it back.
"""

from virtual_phone.rogues.corpus import CORPUS, ROGUES

__all__ = ["CORPUS", "ROGUES"]
