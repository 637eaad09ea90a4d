"""The phone's own commands (`am`, `input`, `getprop` …): one small file under many names.

Copied to the phone's /system/bin with a first line added. It knows nothing: it hands its name and arguments to the
phone over a UNIX socket and repeats what the phone answers. It runs by itself, in the sandbox, without this package.
"""

import json
import os
import socket
import sys

_DEADLINE = 60.0


def main() -> int:
    """Ask the phone; its answer is a line of JSON (status, length of stdout, length of stderr), then both."""
    name = os.path.basename(sys.argv[0])  # ruff: ignore[os-path-basename]
    with socket.socket(socket.AF_UNIX) as phone:
        phone.settimeout(_DEADLINE)
        try:
            phone.connect(os.environ["VIRTUAL_PHONE_SOCKET"])
            phone.sendall(json.dumps([name, *sys.argv[1:]]).encode() + b"\n")
            with phone.makefile("rb") as answer:
                status, out, err = json.loads(answer.readline())
                sys.stdout.buffer.write(answer.read(out))
                sys.stderr.buffer.write(answer.read(err))
        except (OSError, KeyError, ValueError) as error:
            sys.stderr.write(f"{name}: the phone does not answer: {error}\n")
            return 1
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
