"""`python -m host_server.engines SPEC`: the process of one engine, started by `process.ProcessEngine`."""

import sys

from host_server.engines import registry
from host_server.engines.process.child import run

if __name__ == "__main__":
    run(lambda: registry.create_here(sys.argv[1]))
