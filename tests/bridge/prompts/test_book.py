"""What prompts are, which file wins, and every fault at once."""

import json
import os
from pathlib import Path

import pytest

from bridge.errors import UsageError
from bridge.prompts import PromptBook, PromptFileError, default_language, load, read_file, resolve
from bridge.prompts.book import SHIPPED
from host_server.wire.request import parse_create
from host_server.wire.schema import schema_faults

MINE = """
prompts:
  receipt: {title: Mine, text: What did I pay?}
  own:
    title: {zh: 我的}
    text: {en: What?, zh: 什么？}
    system: Be brief.
    parameters: {temperature: 1, top_p: 0.5, max_output_tokens: 7}
    schema: {type: object, properties: {a: {type: string}}}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user's settings are; the current folder is another one."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (tmp_path / "config" / "lensbridge").mkdir(parents=True)
    return tmp_path / "config"


def _load(home: Path, setting: Path | None = None) -> PromptBook:
    return load({"XDG_CONFIG_HOME": str(home)}, setting)


def _faults(text: str, tmp_path: Path) -> list[str]:
    path = tmp_path / "p.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PromptFileError) as caught:
        read_file(path)
    return caught.value.message.splitlines()[1:]


def test_ten_prompts_are_shipped_each_in_two_languages(home: Path) -> None:
    book = _load(home)

    assert list(book.prompts) == [
        "read-all",
        "receipt",
        "table",
        "order-status",
        "error-code",
        "menu",
        "medicine",
        "describe",
        "screen-defects",
        "which-button",
    ]
    for prompt in book:
        assert prompt.origin == "shipped"
        words = prompt.entry
        assert all(
            text and text.en and text.zh and text.en != text.zh for text in (words.title, words.text, words.system)
        )


@pytest.mark.parametrize("name", list(read_file(SHIPPED)))
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_shipped_prompt_is_a_question_the_host_accepts(name: str, language: str) -> None:
    prompt = read_file(SHIPPED)[name]

    create = parse_create({"input": prompt.text(language), **prompt.options(language)})  # type: ignore[arg-type]

    assert create.instructions
    assert create.max_output_tokens
    assert (create.format.type == "json_schema") is (prompt.entry.json_schema is not None)
    assert schema_faults(prompt.entry.json_schema or {}) == []


def test_a_later_file_wins_by_name_and_says_where_it_is(home: Path) -> None:
    own = home / "lensbridge" / "prompts.yaml"
    own.write_text(MINE, encoding="utf-8")
    Path("prompts.yaml").write_text("prompts:\n  own: {title: Project, text: Here?}\n", encoding="utf-8")

    book = _load(home)

    assert [book.get(name).origin for name in ("menu", "receipt", "own")] == ["shipped", str(own), "prompts.yaml"]
    assert book.get("receipt").options("en") == {}
    assert list(book.prompts)[-1] == "own"


def test_a_setting_names_another_file_than_that_of_the_folder(home: Path, tmp_path: Path) -> None:
    Path("prompts.yaml").write_text("prompts: [", encoding="utf-8")
    named = tmp_path / "team.yaml"
    named.write_text(MINE, encoding="utf-8")

    assert _load(home, named).get("own").origin == str(named)
    with pytest.raises(UsageError, match="No such file"):
        _load(home, tmp_path / "nowhere.yaml")


def test_texts_fall_back_to_the_other_language_and_options_are_those_of_a_question(home: Path) -> None:
    (home / "lensbridge" / "prompts.yaml").write_text(MINE, encoding="utf-8")
    own = _load(home).get("own")

    assert (own.title("en"), own.text("zh"), own.text("en")) == ("我的", "什么？", "What?")
    assert own.options("en") == {
        "instructions": "Be brief.",
        "temperature": 1,
        "top_p": 0.5,
        "max_output_tokens": 7,
        "text": {"format": {"type": "json_schema", "name": "own", "schema": own.entry.json_schema, "strict": True}},
    }
    page = own.for_page()
    assert page["title"] == {"en": "我的", "zh": "我的"}
    assert page["options"] == {key: value for key, value in own.options("en").items() if key != "instructions"}


def test_all_faults_are_told_at_once_in_the_order_of_their_lines(tmp_path: Path) -> None:
    text = """version: 2
prompts:
  Bad Name: {title: x, text: y}
  a:
    title: ""
    text: {de: x}
    temprature: 1
    schema:
      type: object
      properties:
        total: {type: numbr}
      $ref: "#/$defs/no"
  b:
    title: %s
    text: 5
    parameters: {temperature: 9, max_output_tokens: 1.5}
  c: {title: x}
""".replace("%s", "t" * 61)

    told = _faults(text, tmp_path)

    path = tmp_path / "p.yaml"
    assert [line.removeprefix(f"{path}:").split(": ")[0:2] for line in told] == [
        ["1", "version"],
        ["3", "prompts.Bad Name"],
        ["5", "prompts.a.title"],
        ["6", "prompts.a.text.de"],
        ["7", "prompts.a.temprature"],
        ["11", "prompts.a.schema.properties.total.type"],
        ["12", "prompts.a.schema.$ref"],
        ["14", "prompts.b.title"],
        ["15", "prompts.b.text"],
        ["16", "prompts.b.parameters.temperature"],
        ["16", "prompts.b.parameters.max_output_tokens"],
        ["17", "prompts.c.text"],
    ]
    assert told[4].endswith("is not known here")
    assert told[7].endswith("longer than 60 characters")
    assert told[-1].endswith("is missing")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "p.yaml:1: "),
        ("- a", "p.yaml:1: "),
        ("prompts: {}", "p.yaml:1: prompts: there is no prompt"),
        ("prompts:\n  a: 5", "p.yaml:2: prompts.a: is not written as it should be"),
        ("prompts:\n  a: {title: t, text: t, schema: 5}", "p.yaml:2: prompts.a.schema: "),
        ("prompts:\n  a: {title: t, text: t, schema: {a: &x [*x]}}", "deeper than 40 levels"),
        ("prompts:\n" + "\n".join(f"  p{n}: {{title: t, text: t}}" for n in range(65)), "more than 64 prompts"),
    ],
)
def test_a_file_without_prompts_is_a_fault(tmp_path: Path, text: str, said: str) -> None:
    assert said in "\n".join(_faults(text, tmp_path))


def test_all_prompts_together_have_a_limit(home: Path) -> None:
    long = "x" * 8000
    text = (
        f"s: &s {long}\n".replace("s: ", "version: 1\nprompts:\n  p0: {title: t, text: t, system: ", 1).rstrip("\n")
        + "}\n"
    )
    text += "".join(f"  p{n}: {{title: t, text: t, system: *s}}\n" for n in range(1, 60))
    (home / "lensbridge" / "prompts.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(UsageError, match="all prompts together are larger than 192 KiB"):
        _load(home)


def test_what_is_no_file_or_another_users_is_refused(home: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    Path("prompts.yaml").write_text(MINE, encoding="utf-8")
    Path("prompts.yaml").chmod(0o666)

    with pytest.raises(UsageError, match="is no file"):
        read_file(tmp_path / "pipe")
    with pytest.raises(UsageError, match="others may write it"):
        _load(home)


def test_a_list_travels_as_json_and_is_judged_like_a_file_where_it_arrives(home: Path) -> None:
    book = _load(home)

    assert PromptBook.decoded(book.encoded(), origin="pushed").document() == book.document()
    for hostile in (b"", b"\xff", b"[]", b"[" * 100_000, json.dumps({"prompts": {"a": {"title": "t"}}}).encode()):
        with pytest.raises(PromptFileError):
            PromptBook.decoded(hostile, origin="pushed")


def test_a_name_that_is_not_there_is_told_with_those_that_are(home: Path) -> None:
    with pytest.raises(UsageError, match="no prompt named 'recipt'") as caught:
        _load(home).get("recipt")

    assert caught.value.hint.startswith("did you mean receipt? there are: read-all, ")
    with pytest.raises(UsageError) as far:
        _load(home).get("zzz")
    assert far.value.hint.startswith("there are: ")


def test_a_setting_is_a_name_or_a_question_but_no_misspelt_name(home: Path) -> None:
    book = _load(home)

    assert resolve("menu", book, "zh")[0].startswith("介绍一下")
    assert resolve("What is it?", book, "en") == ("What is it?", {})
    assert resolve("why", book, "en") == ("why", {})
    with pytest.raises(UsageError, match="no prompt named 'reciept'"):
        resolve("reciept", book, "en")


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "de_DE", "LC_MESSAGES": "zh_TW"}, "zh"),
    ],
)
def test_the_language_is_the_terminals(environ: dict[str, str], language: str) -> None:
    assert default_language(environ) == language
