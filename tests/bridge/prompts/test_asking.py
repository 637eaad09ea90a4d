"""What `bridge ask` and `connect` make of a name."""

from pathlib import Path

import pytest

from bridge.cli.app import main
from bridge.config import Settings
from bridge.phone.named import Asked, asked_of

pytestmark = pytest.mark.usefixtures("no_prompts_but_ours")


@pytest.fixture
def no_prompts_but_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C")


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        (["--prompt", "recipt"], "there is no prompt named 'recipt'", "did you mean receipt?"),
        (["recipt"], "there is no prompt named 'recipt'", "did you mean receipt?"),
        (["What?", "--prompt", "menu"], "QUESTION and --prompt are two questions", "leave out one of them"),
        (["--prompt", "menu", "--lang", "de"], "--lang: ", "--help"),
    ],
)
def test_a_wrong_name_is_exit_code_2_before_any_phone_or_host_is_looked_for(
    words: list[str], said: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["ask", *words])

    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert f"error: {said}" in told
    assert hint in told


def test_a_broken_file_of_prompts_is_told_with_its_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "prompts.yaml").write_text("prompts:\n  a: {title: t}\n", encoding="utf-8")

    with pytest.raises(SystemExit) as ended:
        main(["ask", "menu"])

    assert ended.value.code == 2
    assert "prompts.yaml:2: prompts.a.text: is missing" in capsys.readouterr().err


def test_a_question_needs_no_file_of_prompts_not_even_a_good_one(tmp_path: Path) -> None:
    (tmp_path / "prompts.yaml").write_text("prompts: [", encoding="utf-8")

    assert asked_of(Settings(prompt="What is it?")) == Asked("What is it?")


def test_a_name_is_its_text_in_the_language_of_the_settings_or_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked_of(Settings(prompt="menu")).text.startswith("Explain this menu")
    assert asked_of(Settings(prompt="menu", lang="zh")).text.startswith("介绍一下")
    assert asked_of(Settings(), "receipt").options["text"]["format"]["name"] == "receipt"
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert asked_of(Settings(prompt="menu")).text.startswith("介绍一下")


def test_json_that_was_cut_is_refused_and_text_that_was_cut_is_not() -> None:
    cut, whole = {"event": "answer", "status": "incomplete"}, {"event": "answer", "status": "completed"}
    formed = Asked("What?", {"text": {"format": {}}})

    problem = formed.cut_short(cut)

    assert problem is not None
    assert (problem.exit_code, problem.fields["code"]) == (9, "max_output_tokens")
    assert "max_output_tokens" in problem.hint
    assert formed.cut_short(whole) is None
    assert Asked("What?").cut_short(cut) is None
