"""Read a label with the phone's camera: one photo, two questions.

Plug a phone in, point its camera at a label and run `python examples/read_label.py [SERIAL]`.
Without a phone: `python -m virtual_phone --photos DIR --connect` starts a virtual one.
"""

import sys

from bridge import connect
from bridge.errors import BridgeError


def main(serial: str | None = None) -> int:
    """Take a photo, read it aloud, then ask for one thing."""
    with connect(serial) as phone:
        print(f"{phone.model or phone.serial}: taking a photo")
        label = phone.capture("camera")

        for piece in phone.stream(label, "Read all the text on this label."):
            print(piece, end="", flush=True)
        print()

        answer = phone.ask(label, "What is the date on it?")
        first_token = answer.timings_ms["first_token"] or 0
        print(f"the date: {answer.text}  (first word after {first_token:.0f} ms, {answer.model})")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:2]))
    except BridgeError as error:
        print(f"error: {error.message}\nhint: {error.hint}", file=sys.stderr)
        sys.exit(error.exit_code)
