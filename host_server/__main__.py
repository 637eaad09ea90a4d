"""`python -m host_server …` is `bridge-host serve …`."""

import sys

from host_server.cli import app

if __name__ == "__main__":
    app(["serve", *sys.argv[1:]], prog_name="python -m host_server")
