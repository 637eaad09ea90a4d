"""`python -m host_server …` is `bridge serve …`, which is `bridge-host serve …`."""

import sys

from host_server.cli import main

if __name__ == "__main__":
    main(["serve", *sys.argv[1:]], called="bridge")
