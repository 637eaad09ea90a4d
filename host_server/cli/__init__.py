"""`bridge-host`: serve, hand out keys, fetch models and say whether they fit. Thin: flags in, exit status out.

```
 words ─► app ─┬► serve ──► HostSettings ─► launch        what flags mean is checked in settings.py
               ├► tokens ─► security.keys
               ├► pull ───► checkpoints
               └► fit ────► checkpoints
```
A command's module imports nothing heavy before the command runs.
"""

from host_server.cli.start import main

__all__ = ["main"]
