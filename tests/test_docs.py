"""The reference cannot drift: what the docs list is what the code has."""

import re
from pathlib import Path

from host_server.wire.errors import CODES

DOCS = Path(__file__).parent.parent / "docs"


def test_the_protocol_page_lists_every_error_code_as_it_is() -> None:
    page = (DOCS / "protocol.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(\w+)` (\| \w+ \| \d+ \| (?:yes|no) \| `\w+` \|)$", page, re.MULTILINE))
    expected = {
        code: f"| {row.type} | {row.status} | {'yes' if row.retryable else 'no'} | `{row.response_code}` |"
        for code, row in CODES.items()
    }

    assert listed == expected
