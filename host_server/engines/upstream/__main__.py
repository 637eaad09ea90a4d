"""`python -m host_server.engines.upstream URL MODEL [KEY_ENV]`: what `check` found, as JSON on one line."""

import asyncio
import json
import sys
from dataclasses import asdict

from host_server.engines.upstream.check import check

if __name__ == "__main__":
    url, model, *key_env = sys.argv[1:]
    found = asyncio.run(check(url, model, key_env[0] if key_env else None))
    sys.stdout.write(json.dumps([asdict(one) for one in found], ensure_ascii=True) + "\n")
