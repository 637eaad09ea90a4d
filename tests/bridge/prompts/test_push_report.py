"""What `bridge prompts push` says of several phones: each its end, and the exit code of what failed."""

import io
import json
from typing import Any

import pytest

from bridge.cli.output import Output
from bridge.cli.prompts_push import Ends, report
from bridge.errors import BridgeError, DeviceLost, DeviceUnusable

GOOD: dict[str, Any] = {"path": "/p.json", "bytes": 9, "prompts": 3, "page": True}
LOST = DeviceLost("VP2 went away", hint="plug it in")


def _report(ends: Ends, *, as_json: bool = False) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = report(ends, Output(as_json=as_json, out=out, err=err))
    return code, out.getvalue(), err.getvalue()


def test_all_went_well() -> None:
    code, out, err = _report({"VP1": GOOD, "VP2": {**GOOD, "page": False}})

    assert (code, out) == (0, "")
    assert "VP1: 3 prompts in /p.json  shown on its page" in err
    assert "VP2: 3 prompts in /p.json  no page is connected" in err


def test_one_phone_that_fails_is_told_beside_the_others() -> None:
    code, _, err = _report({"VP1": GOOD, "VP2": LOST})

    assert code == 7
    assert "VP1: 3 prompts" in err
    assert "VP2: VP2 went away  plug it in" in err


def test_json_has_an_object_a_phone() -> None:
    code, out, err = _report({"VP1": GOOD, "VP2": LOST}, as_json=True)

    assert (code, err) == (7, "")
    assert json.loads(out)["phones"] == [
        {"serial": "VP1", "ok": True, **GOOD},
        {"serial": "VP2", "ok": False, "message": "VP2 went away", "hint": "plug it in", "exit_code": 7},
    ]


def test_what_fails_on_the_only_phone_is_the_commands_own_error() -> None:
    problem: BridgeError = DeviceUnusable("full")

    with pytest.raises(DeviceUnusable, match="full"):
        _report({"VP1": problem})
