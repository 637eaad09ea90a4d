"""What is said about what was seen: the cases that no test of the whole command brings about."""

import asyncio
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bridge.adb.faults import NoReverse
from bridge.adb.server import AdbBinary, ServerInfo
from bridge.cli.checkup import Checkup
from bridge.doctor import Finding, exit_code, worst
from bridge.doctor.adb import judge_programs, judge_protocols
from bridge.doctor.browser import BrowserFacts, judge_browser, parse_activity, parse_package, parse_resumed
from bridge.doctor.clock import host_skew, judge_skew
from bridge.doctor.command import CommandFacts, judge_command
from bridge.doctor.connections import judge_connection
from bridge.doctor.engines import judge_installed, judge_states
from bridge.doctor.finding import bounded, failed, passed, warned
from bridge.doctor.keys import KeyFacts, judge_key, look_at_key
from bridge.doctor.phone import parse_probe
from bridge.doctor.reverse import ReverseFacts, judge_port, judge_reverse
from bridge.doctor.settings import judge_state_folder, judge_unknown, look_at_folder
from bridge.doctor.storage import judge_laptop, judge_phone
from bridge.errors import DeviceUnusable, TokenRefused

GOOD = passed("a", "b", "fine")


def fail(code: int) -> Finding:
    return failed("a", "b", "bad", hint="mend it", exit_code=code)


# ------------------------------------------------------------------------------------------------ the whole


@pytest.mark.parametrize(("codes", "expected"), [([], 0), ([1, 10], 10), ([10, 6, 1], 6), ([6, 4], 4), ([4, 3, 5], 5)])
def test_the_exit_code_is_that_of_what_stands_in_the_way_first(codes: list[int], expected: int) -> None:
    assert exit_code([GOOD, *map(fail, codes)]) == expected


def test_the_worst_of_all_is_the_word_for_the_whole() -> None:
    warning = warned("a", "b", "hm", hint="look")

    assert [worst(found) for found in ([GOOD], [GOOD, warning], [warning, fail(1)])] == ["PASS", "WARN", "FAIL"]


async def test_a_check_that_never_ends_is_a_finding() -> None:
    async def forever() -> list[Finding]:
        await asyncio.Event().wait()
        return []

    (finding,) = await bounded("host", "live", forever(), seconds=0.01, exit_code=6, hint="look")

    assert (finding.status, finding.exit_code, finding.hint) == ("FAIL", 6, "look")


async def test_a_refused_key_keeps_its_own_code() -> None:
    async def refused() -> list[Finding]:
        raise TokenRefused("no", hint="give it")

    (finding,) = await bounded("host", "live", refused(), seconds=1, exit_code=6, hint="look")

    assert (finding.exit_code, finding.hint) == (10, "give it")


# ------------------------------------------------------------------------------------------------ the laptop


def key(**facts: object) -> Finding:
    return judge_key(KeyFacts(**{"path": Path("/h/.android/adbkey"), "folder_ours": True, **facts}))  # type: ignore[arg-type]


def test_a_key_is_judged_by_who_can_read_it() -> None:
    head = b"-----BEGIN PRIVATE KEY-----"

    assert key().status == "PASS"  # adb makes one
    assert key(mode=0o100600, head=head).status == "PASS"
    assert key(mode=0o100640, head=head).status == "WARN"
    assert key(mode=0o100600, head=head, ours=False).status == "WARN"
    assert key(mode=0o100600, head=None).status == "FAIL"
    assert key(mode=0o100600, head=b"").status == "FAIL"
    assert "chown" in key(folder_ours=False).hint


def test_a_key_that_is_a_folder_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / ".android/adbkey").mkdir(parents=True)

    assert judge_key(look_at_key({"HOME": str(tmp_path)})).status == "FAIL"
    assert judge_key(look_at_key({"HOME": str(tmp_path / "new")})).status == "PASS"


def test_without_any_adb_only_a_running_server_helps() -> None:
    assert judge_programs([])[0].exit_code == 5
    assert judge_programs([], server=True)[0].status == "WARN"
    assert judge_programs([], asked="/x")[0].exit_code == 5
    assert judge_programs([], asked="/x", server=True)[0].exit_code == 1


def test_an_adb_that_does_not_say_its_protocol_is_not_accused() -> None:
    silent = AdbBinary(Path("/x/adb"), "36.0.0", "PATH", 0)

    assert judge_protocols([silent], ServerInfo(41, started=False))[0].status == "PASS"


def test_the_other_name_is_the_way_out_where_it_is_ours() -> None:
    here = CommandFacts(
        Path("/sbin/bridge"), bridge_ours=False, alias=Path("/v/lensbridge"), alias_ours=True, folder=Path("/v")
    )
    nowhere = CommandFacts(None, bridge_ours=False, alias=None, alias_ours=False, folder=Path("/v"))

    assert "lensbridge" in judge_command(here).hint
    assert "export PATH" in judge_command(nowhere).hint


def test_room_for_pictures_runs_low_and_out() -> None:
    sizes = (2_000_000_000, 400_000_000, 10_000_000)

    assert [judge_laptop("s", Path("/s"), size).status for size in sizes] == ["PASS", "WARN", "FAIL"]
    assert judge_phone("p", None).status == "PASS"


# ------------------------------------------------------------------------------------------------ the phone


def test_what_the_phone_cannot_say_is_no_accusation() -> None:
    camera = judge_browser("p", BrowserFacts("com.android.chrome"))[-1]

    assert (camera.status, "cannot see" in camera.text) == ("PASS", True)
    assert judge_skew("p", "phone", None)[0].status == "PASS"
    assert judge_reverse("p", ReverseFacts(arrived=None)).status == "PASS"


def test_a_reverse_that_is_refused_for_now_is_a_failure_and_for_ever_a_warning() -> None:
    now, ever = DeviceUnusable("no", hint="wait"), NoReverse("never", hint="use the folder")

    assert judge_reverse("p", ReverseFacts(refused=now)).exit_code == 4
    assert judge_reverse("p", ReverseFacts(refused=ever)).status == "WARN"


def test_the_welcome_screen_of_another_program_is_not_the_browsers() -> None:
    facts = BrowserFacts("com.android.chrome", resumed="com.vendor.setup/.WelcomeActivity", camera=True)

    assert {finding.status for finding in judge_browser("p", facts)} == {"PASS"}


def test_a_connection_that_is_starting_or_linked_is_well() -> None:
    held = {"purpose": "connect", "pid": 7, "state": "starting"}

    assert judge_connection("p", held).status == "PASS"
    assert "linked" in judge_connection("p", {**held, "state": "up", "detail": "ready", "pages": 1}).text


def test_a_port_that_leads_to_us_is_told_apart() -> None:
    from bridge.adb.transport import ReverseEntry

    entries = [ReverseEntry("tcp:8017", "tcp:40001")]

    assert "takes it over" in judge_port("phone x", 8017, entries, ours=["tcp:40001"]).text
    assert "process 7" in judge_port("phone x", 8017, entries, ours=["tcp:40001"], held="process 7").text
    assert judge_port("phone x", 8017, entries, ours=[]).exit_code == 4


def test_what_is_installed_here_says_what_a_host_would_have() -> None:
    everything = {"host": True, "ocr": True}

    assert "ocr" in judge_installed(everything, wanted=())[0].text
    assert "echo=5" in judge_installed(everything, wanted=["echo=5"])[0].text
    assert judge_installed({"host": True, "ocr": False}, wanted=())[0].status == "WARN"
    assert judge_installed({"host": True, "ocr": False}, wanted=["ocr=small"])[0].exit_code == 6


def test_a_host_without_engines_answers_nothing() -> None:
    assert judge_states({})[0].exit_code == judge_states("?")[0].exit_code == 6


def test_a_clock_is_judged_by_its_distance_on_both_sides() -> None:
    told = [judge_skew("p", "phone", skew)[0] for skew in (-29.0, 29.0, 31.0, -7200.0, 300.0)]

    assert [finding.status for finding in told] == ["PASS", "PASS", "WARN", "WARN", "WARN"]
    assert ["31 s ahead" in told[2].text, "2 hours behind" in told[3].text, "5 minutes ahead" in told[4].text] == [
        True
    ] * 3
    assert host_skew("Thu, 01 Jan 1970 00:00:10 GMT", 10.0, 11.0) == pytest.approx(0)


@given(st.binary(max_size=300) | st.sampled_from([b"[1]", b'{"sdk":', b"null"]))
def test_whatever_a_phone_prints_is_read_without_an_error(text: bytes) -> None:
    told = parse_probe(text)
    activity, resumed = parse_activity(text), parse_resumed(text)
    camera, fresh = parse_package(text)

    assert told is None or isinstance(told, dict)
    assert (activity is None or isinstance(activity, str), isinstance(resumed, str)) == (True, True)
    assert (camera in {None, True, False}, fresh in {True, False}) == (True, True)


@given(st.text(max_size=60) | st.none())
def test_whatever_a_host_calls_its_time_is_read_without_an_error(date: str | None) -> None:
    skew = host_skew(date, 0.0, 1.0)

    assert skew is None or isinstance(skew, float)


# ------------------------------------------------------------------------------------------------ as it is shown


def shown(findings: list[Finding], *, width: int = 60, **how: object) -> str:
    out = io.StringIO()
    Console(file=out, width=width, markup=False, highlight=False, emoji=False, **how).print(Checkup(findings).page())  # type: ignore[arg-type]
    return out.getvalue()


BAD = failed(
    "phone \x1b[2Jx",
    "state",
    "offline\nand more [bold]words[/] than fit on one line of it",
    hint="replug it",
    exit_code=4,
)


def test_on_a_terminal_areas_are_headings_and_texts_wrap_under_themselves() -> None:
    text = shown([GOOD, BAD])
    lines = text.splitlines()

    assert lines[0] == "a"
    assert "✓ b" in lines[1]
    assert lines[3] == "phone \\x1b[2Jx"
    assert "✗ state" in lines[4]
    assert lines[5].startswith(" " * 16)
    assert any("→ replug it" in line for line in lines)
    assert "1 failure, 1 passed (exit code 4)" in text


def test_colour_is_for_those_who_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    coloured = shown([BAD], force_terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")

    assert "\x1b[1;31m" in coloured
    assert "31m" not in shown([BAD], force_terminal=True)


def test_elsewhere_each_finding_is_a_line_and_nothing_drives_the_terminal() -> None:
    assert list(Checkup([GOOD, BAD]).lines()) == [
        "PASS  a b: fine",
        "FAIL  phone \\x1b[2Jx state: offline\\nand more [bold]words[/] than fit on one line of it",
        "      hint: replug it",
        "1 failure, 1 passed (exit code 4)",
    ]


def test_a_state_folder_that_is_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    finding = judge_state_folder(tmp_path / "file", look_at_folder(tmp_path / "file"))

    assert (finding.status, finding.text) == ("FAIL", f"{tmp_path / 'file'} is no folder")
    assert "--state-dir" in finding.hint


def test_a_variable_that_nobody_reads_is_named_with_the_one_that_was_meant() -> None:
    environ = {
        "BRIDGE_PROMT": "secret",
        "BRIDGE_XYZZY": "1",
        "BRIDGE_PROMPT": "What?",
        "BRIDGE_DEBUG": "1",
        "HOME": "/",
    }

    slip, odd = judge_unknown(environ)

    assert (slip.status, slip.text, slip.hint) == ("WARN", "BRIDGE_PROMT sets nothing", "is BRIDGE_PROMPT meant?")
    assert odd.hint.endswith("lists those that are read")
    assert "secret" not in str(slip)
    assert len(judge_unknown({f"BRIDGE_{number}": "" for number in range(99)})) == 10
