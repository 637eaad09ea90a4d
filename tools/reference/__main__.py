"""Writes docs/reference/ from the code, so that it says what the code does: `python -m tools.reference`.

```
 the commands' own options ─► cli.md          BridgeError classes, CODES ─► errors.md
 Settings' fields          ─► settings.md     routes, messages, samples  ─► wire.md
```
`tests/test_reference.py` makes the pages again and fails where the committed ones differ.
"""

from pathlib import Path

from tools.reference.pages import FOLDER, pages

if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        Path(FOLDER, name).write_text(text, encoding="utf-8")
        print(f"docs/reference/{name}: {len(text.splitlines())} lines")
