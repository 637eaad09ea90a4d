"""`python -m host_server.engines SPEC OPTIONS`: the process of one engine, started by `process.ProcessEngine`."""

import sys

from host_server.engines import registry
from host_server.engines.options import EngineOptions
from host_server.engines.process.child import run

if __name__ == "__main__":
    run(lambda: registry.create_here(sys.argv[1], EngineOptions.from_json(sys.argv[2])))
