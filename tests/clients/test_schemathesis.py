"""Schemathesis, told by the host's own description what may be asked, and let in: nothing it makes up is a 5xx."""

import json
from pathlib import Path

from tests.clients.conftest import made, passes
from tests.support.host import RunningHost
from tests.support.own_environment import python_environment

SECONDS = "30"
CHECKS = (
    "not_a_server_error",
    "ignored_auth",
    "unsupported_method",
    "content_type_conformance",
    "status_code_conformance",
    "response_schema_conformance",
)


def test_nothing_that_can_be_asked_breaks_the_host(tmp_path: Path) -> None:
    programs = made(lambda: python_environment("schemathesis", ["schemathesis==4.32.5"]))
    options = ["--checks", ",".join(CHECKS), "--max-time", SECONDS, "--request-timeout", "20", "--warnings", "off"]
    with RunningHost.start(tmp_path / "host") as host:
        command = [str(programs / "schemathesis"), "run", f"{host.url}/openapi.json", *options]
        said = passes([*command, "--header", f"Authorization: Bearer {host.token}", "--no-color"], cwd=tmp_path)
        host.stop()
        log = host.log.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in log.splitlines() if line[:1] == "{"]

    assert "15 selected / 15 total" in said  # all but the description itself
    assert "No issues found" in said
    assert len(lines) > 1000
    assert [line for line in lines if line["level"] not in {"info", "warning"}] == []
