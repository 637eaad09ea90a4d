"""`bridge prompts list | show | check | edit`, as typed."""

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.cli.app import main

GOOD = "prompts: {receipt: {title: Mine, text: What did I pay?}}\n"


class Terminal:
    """Runs commands in this process, in an empty folder with a home of its own."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.own = home / "lensbridge" / "prompts.yaml"
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *words: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(["prompts", *words])
        self.out, self.err = self._capsys.readouterr()
        return int(ended.value.code or 0)

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    monkeypatch.chdir(tmp_path)
    for name in ("LANG", "LC_ALL", "LC_MESSAGES", "VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return Terminal(tmp_path / "config", capsys)


def _editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, *, status: int = 0) -> Path:
    """An editor that keeps what it was given and writes this."""
    new, seen, script = tmp_path / "new.yaml", tmp_path / "seen.yaml", tmp_path / "my editor.sh"
    new.write_text(text, encoding="utf-8")
    script.write_text(f'#!/bin/sh\ncp "$2" "{seen}"\ncp "{new}" "$2"\nexit {status}\n')
    script.chmod(0o700)
    monkeypatch.setenv("EDITOR", f"'{script}' --wait")
    return seen


def test_list_shows_each_prompt_and_where_it_is_from(terminal: Terminal) -> None:
    terminal.own.parent.mkdir(parents=True)
    terminal.own.write_text(GOOD, encoding="utf-8")

    assert terminal("list") == 0
    rows = [line.split() for line in terminal.out.splitlines()]
    assert rows[0] == ["NAME", "TITLE", "ANSWER", "FROM"]
    assert ["receipt", "Mine", "text", str(terminal.own)] in rows
    assert ["menu", "Menu", "text", "shipped"] in rows

    assert terminal("list", "--lang", "zh", "--json") == 0
    assert terminal.json["prompts"][5] == {"name": "menu", "title": "菜单", "answer": "text", "from": "shipped"}
    assert [file["kind"] for file in terminal.json["files"]] == ["shipped", "user", "project"]
    assert [file["found"] for file in terminal.json["files"]] == [True, True, False]


def test_the_language_of_the_terminal_is_taken_and_another_word_refused(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")

    assert terminal("list") == 0
    assert "菜单" in terminal.out
    assert terminal("list", "--lang", "de") == 2
    assert "lang" in terminal.err
    assert "hint: " in terminal.err


def test_show_tells_all_of_one_prompt(terminal: Terminal) -> None:
    assert terminal("show", "receipt", "--lang", "zh") == 0
    assert terminal.out.startswith("这张小票上写了什么？")
    assert "system: 你负责读小票" in terminal.out
    assert "parameters: temperature 0.0, max_output_tokens 1500" in terminal.out
    assert '"required": [' in terminal.out

    assert terminal("show", "menu") == 0
    assert "schema" not in terminal.out

    assert terminal("show", "receipt", "--json") == 0
    assert terminal.json["create"]["text"]["format"]["name"] == "receipt"
    assert terminal.json["schema"]["required"] == ["total"]

    assert terminal("show", "recipt") == 2
    assert "did you mean receipt?" in terminal.err


def test_show_leaves_out_what_a_prompt_has_not(terminal: Terminal) -> None:
    terminal.own.parent.mkdir(parents=True)
    terminal.own.write_text(GOOD, encoding="utf-8")

    assert terminal("show", "receipt") == 0
    assert terminal.out == "What did I pay?\n"


def test_check_finds_every_mistake_with_its_line(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal("check") == 0
    assert "10 prompts, no mistakes" in terminal.err

    bad = tmp_path / "bad.yaml"
    bad.write_text("prompts:\n  a: {title: t}\n  b: {text: t}\n", encoding="utf-8")
    assert terminal("check", str(bad)) == 2
    assert f"{bad}:2: prompts.a.text: is missing" in terminal.err
    assert f"{bad}:3: prompts.b.title: is missing" in terminal.err

    assert terminal("check", str(bad), "--json") == 2
    assert [problem["line"] for problem in terminal.json["problems"]] == [2, 3]

    bad.write_text(GOOD, encoding="utf-8")
    assert terminal("check", str(bad), "--json") == 0
    assert terminal.json == {"prompts": 1, "files": [str(bad)], "problems": []}


def test_edit_begins_with_an_example_and_takes_over_what_is_right(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = _editor(tmp_path, monkeypatch, GOOD)

    assert terminal("edit") == 0
    assert "1 prompt in " in terminal.err
    assert terminal("check", str(seen)) == 0
    assert "type-plate:" in seen.read_text(encoding="utf-8")
    assert terminal.own.read_text(encoding="utf-8") == GOOD
    assert sorted(path.name for path in terminal.own.parent.iterdir()) == ["prompts.yaml"]

    assert terminal("edit", "--json") == 0
    assert seen.read_text(encoding="utf-8") == GOOD
    assert terminal.json == {"path": str(terminal.own), "prompts": ["receipt"]}


def test_a_mistake_is_told_with_its_line_and_nothing_is_lost(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.own.parent.mkdir(parents=True)
    terminal.own.write_text(GOOD, encoding="utf-8")
    wrong = "prompts:\n  receipt: {title: Half done}\n"
    _editor(tmp_path, monkeypatch, wrong)

    assert terminal("edit") == 2
    assert ":2: prompts.receipt.text: is missing" in terminal.err
    assert "hint: run `bridge prompts edit` again to go on" in terminal.err
    assert terminal.own.read_text(encoding="utf-8") == GOOD
    assert terminal("show", "receipt") == 0

    seen = _editor(tmp_path, monkeypatch, GOOD.replace("Mine", "Yours"))
    assert terminal("edit") == 0
    assert "going on with" in terminal.err
    assert seen.read_text(encoding="utf-8") == wrong
    assert "Yours" in terminal.own.read_text(encoding="utf-8")


def test_an_editor_that_fails_takes_nothing_over(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _editor(tmp_path, monkeypatch, GOOD, status=3)

    assert terminal("edit") == 2
    assert "ended with 3; nothing was taken over" in terminal.err
    assert not terminal.own.exists()

    assert terminal("edit") == 2
    assert "an earlier edit was not finished" in terminal.err  # the editor had written something


def test_an_editor_that_never_ran_leaves_no_draft(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", str(tmp_path / "no-such-editor"))
    assert terminal("edit") == 2
    assert "cannot be started: No such file or directory" in terminal.err
    monkeypatch.setenv("VISUAL", "'")
    assert terminal("edit") == 2
    assert "set VISUAL or EDITOR" in terminal.err
    assert "going on with" not in terminal.err
    assert list(terminal.own.parent.iterdir()) == []
