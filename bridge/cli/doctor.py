"""`bridge doctor`: look at everything between this laptop and an answer, and say what to do about what is amiss."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.options import HostUrl, Json, PhonePort, Serial, StateDir, Timeout, TokenFile
from bridge.cli.output import Output

if TYPE_CHECKING:
    from bridge.doctor import Examination, Finding

__all__ = ["doctor"]

SECONDS = 15.0
UPSTREAM_SECONDS = 60.0


def doctor(
    *,
    serials: Serial = None,
    host_url: HostUrl = None,
    token_file: TokenFile = None,
    state_dir: StateDir = None,
    phone_port: PhonePort = None,
    upstream: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Check an OpenAI-compatible server instead: it is asked about one picture."),
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="The model to ask there.")] = None,
    key_env: Annotated[
        str | None,
        typer.Option(
            "--upstream-key-env", "--key-env", metavar="VARIABLE", help="The environment variable that holds its key."
        ),
    ] = None,
    timeout: Timeout = None,
    json: Json = False,
) -> int:
    """Check adb, the phones, the host and the settings: PASS, WARN or FAIL, each with the next step.

    Exits with 0 when nothing fails. Else with what stands in the way first: 5 adb, 3 a phone that was named and is not
    there, 4 a phone that cannot be used, 6 the host, 10 its key, 1 anything else.
    """
    import asyncio
    from dataclasses import asdict

    from bridge.cli.checkup import Checkup
    from bridge.doctor import examine, exit_code, gravest, worst
    from bridge.errors import BridgeError

    flags = {"host_url": host_url, "token_file": token_file, "state_dir": state_dir, "phone_port": phone_port}
    output = Output(as_json=json)
    if upstream is not None or model is not None or key_env is not None:
        findings = _upstream(output, upstream, model, key_env, timeout or UPSTREAM_SECONDS)
    else:
        with output.busy("looking at adb, the phones and the host"):
            findings = asyncio.run(examine(_wanted(flags, serials or [], timeout or SECONDS)))
    code = exit_code(findings)
    if json:
        checks = [asdict(finding) for finding in findings]
        output.json({"status": worst(findings), "exit_code": code, "checks": checks})
    else:
        output.show(Checkup(findings))
        if first := gravest(findings):
            output.error(BridgeError(f"{first.area}: {first.text}", hint=first.hint))
    return code


def _upstream(
    output: Output, url: str | None, model: str | None, key_env: str | None, seconds: float
) -> "list[Finding]":
    """What is to be said about that server alone."""
    import asyncio
    import os

    from bridge.doctor.upstream import examine_upstream
    from bridge.errors import UsageError

    if url is None or model is None:
        raise UsageError(
            "an upstream is checked with its URL and a model",
            hint="bridge doctor --upstream http://127.0.0.1:11434 --model NAME [--upstream-key-env VARIABLE]",
        )
    with output.busy("asking it about a picture"):
        return asyncio.run(examine_upstream(url, model, key_env, environ=os.environ, seconds=seconds))


def _wanted(flags: dict[str, Any], serials: list[str], seconds: float) -> "Examination":
    """What to look at, also where the settings make no sense: that is a finding like any other."""
    import os

    from bridge.config import Settings, load, origins
    from bridge.doctor import Examination
    from bridge.errors import UsageError

    named = serials or list(filter(None, [os.environ.get("ANDROID_SERIAL", "")]))
    try:
        return Examination(load(**flags), origins(**flags), named, os.environ, seconds=seconds)
    except UsageError as error:
        given = {name: value for name, value in flags.items() if value is not None}
        try:
            settings = Settings.model_validate(given)
        except ValueError:  # the flags themselves
            raise error from None
        return Examination(settings, dict.fromkeys(given, "flag"), named, os.environ, problem=error, seconds=seconds)
