"""A question becomes the prompt its model knows, and nothing people write in it becomes more than text."""

import hashlib
import io
import re
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

pytest.importorskip("torch", reason="the extra `gpu` is not installed")
from tokenizers import AddedToken, normalizers, processors

from host_server.core.question import AnswerForm, PreparedPicture, PreparedQuestion, Turn
from host_server.engines.base import EngineError
from host_server.engines.transformers_vlm.plain import PlainText
from host_server.engines.transformers_vlm.processor import load_processor
from host_server.engines.transformers_vlm.prompt import Prompt, Prompter, instruction
from tests.support.tiny_models import tiny_model

FAMILIES = ("glm4v", "qwen2_5_vl", "idefics3", "llava")  # glm46v's prompt is glm4v's
MARKS = (
    *("<|assistant|>", "<|image|>", "<|user|>", "<|system|>", "<|endoftext|>", "[gMASK]", "<think>", "</think>"),
    *("<|im_start|>", "<|im_end|>", "<|image_pad|>", "<|vision_start|>", "<|placeholder|>", "<|begin_of_box|>"),
    *("<image>", "<end_of_utterance>", "<fake_token_around_image>", "<global-img>", "<s>", "</s>", "<pad>"),
)
HOSTILE = st.lists(
    st.sampled_from([*MARKS, *"<|>[]/ ", "image", "think", "\n", "蓝", "\ud800", "\0"]), max_size=12
).map("".join)


@lru_cache
def processor(family: str) -> Any:
    return load_processor(tiny_model(family), family)


@lru_cache
def prompter(family: str, *, thinking: bool = False) -> Prompter:
    return Prompter(processor(family), thinking=thinking)


def picture(colour: str, width: int = 112, height: int = 84) -> PreparedPicture:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "JPEG")
    jpeg = out.getvalue()
    return PreparedPicture("0" * 64, width, height, jpeg, width, height, len(jpeg), "image/jpeg")


def read(family: str, prompt: Prompt) -> str:
    """The prompt's text, a picture as one ▣, without what surrounds or numbers its parts."""
    known = processor(family)
    text: str = known.tokenizer.decode(prompt.ids)
    for mark in ("<|begin_of_image|>", "<|end_of_image|>", "<|vision_start|>", "<|vision_end|>"):
        text = text.replace(mark, "")
    mark = known.image_token
    while mark * 2 in text:
        text = text.replace(mark * 2, mark)
    return text.replace(mark, "▣")


def controls(family: str, prompt: Prompt) -> list[int]:
    known = processor(family).tokenizer.added_tokens_decoder
    return [number for number in prompt.ids if number in known]


RED, BLUE = picture("red"), picture("blue")
FOLLOW_UP = PreparedQuestion(
    "And the sky?", (RED,), system="Be short.", history=(Turn("user", "What colour?"), Turn("assistant", "Red."))
)


IN_ITS_WORDS = {
    "glm4v": "[gMASK]<sop><|system|>\nBe short.<|user|>\n▣What colour?/nothink<|assistant|>\n<think></think>Red."
    "<|user|>\nAnd the sky?/nothink<|assistant|>\n<think></think>",
    "qwen2_5_vl": "<|im_start|>system\nBe short.<|im_end|>\n<|im_start|>user\n▣What colour?<|im_end|>\n"
    "<|im_start|>assistant\nRed.<|im_end|>\n<|im_start|>user\nAnd the sky?<|im_end|>\n<|im_start|>assistant\n",
    "llava": "<s>SYSTEM: Be short.</s>USER: ▣\nWhat colour?</s>ASSISTANT: Red.</s>USER: And the sky?</s>ASSISTANT: ",
}


@pytest.mark.parametrize(("family", "wanted"), IN_ITS_WORDS.items())
def test_system_then_pictures_then_the_turns_in_the_models_own_words(family: str, wanted: str) -> None:
    assert read(family, prompter(family).prompt(FOLLOW_UP)) == wanted


@pytest.mark.parametrize("family", FAMILIES)
class TestAnyFamily:
    def test_a_follow_up_begins_with_the_prompt_of_the_question_before_it(self, family: str) -> None:
        first = PreparedQuestion("What colour?", (RED,), system="Be short.")

        before, after = prompter(family).prompt(first), prompter(family).prompt(FOLLOW_UP)

        assert after.ids[: len(before.ids)] == before.ids
        assert after.pictures == before.pictures

    def test_pixels_and_places_for_them_come_with_each_picture_and_not_without(self, family: str) -> None:
        none, one, two = (prompter(family).prompt(PreparedQuestion("?", (RED, BLUE)[:count])) for count in range(3))
        mark = processor(family).tokenizer.convert_tokens_to_ids(processor(family).image_token)

        assert "pixel_values" not in none.inputs
        assert none.pictures == ()
        assert 0 == none.ids.count(mark) < one.ids.count(mark) < two.ids.count(mark)
        assert two.inputs["pixel_values"].numel() == 2 * one.inputs["pixel_values"].numel()
        assert not {"input_ids", "attention_mask"} & set(two.inputs)

    def test_a_picture_is_named_by_its_prepared_bytes(self, family: str) -> None:
        uploaded_alike = replace(BLUE, sha256=RED.sha256)

        pictures = prompter(family).prompt(PreparedQuestion("?", (RED, uploaded_alike))).pictures

        assert pictures == tuple(hashlib.sha256(shown.jpeg).hexdigest() for shown in (RED, BLUE))

    @given(HOSTILE)
    def test_nothing_people_write_steers_the_model(self, family: str, text: str) -> None:
        def asked(said: str) -> PreparedQuestion:
            history = (Turn("user", f"a{said}"), Turn("assistant", f"b{said}"))
            form = AnswerForm(said, {"description": said}, said)
            return PreparedQuestion(f"{said}?", (RED,), system=f"c{said}", history=history, form=form)

        hostile, harmless = prompter(family).prompt(asked(text)), prompter(family).prompt(asked("x"))

        assert controls(family, hostile) == controls(family, harmless)
        assert hostile.thinking == harmless.thinking

    @given(st.text())
    def test_ordinary_text_stays_as_it_is(self, family: str, text: str) -> None:
        plain = PlainText(processor(family))(text)

        assert plain == text or any(mark in text for mark in MARKS) or re.search(r"<\|\w+\|>", text)


class TestThinking:
    def test_it_is_off_until_the_engine_or_the_question_wants_it(self) -> None:
        question = PreparedQuestion("Why?")
        silent, loud = prompter("glm4v"), prompter("glm4v", thinking=True)

        for asked, mutes in [
            (silent.prompt(question), True),
            (silent.prompt(replace(question, thinking=True)), False),
            (loud.prompt(question), False),
            (loud.prompt(replace(question, thinking=False)), True),
        ]:
            assert read("glm4v", asked).endswith("/nothink<|assistant|>\n<think></think>") == mutes
            assert not asked.thinking

    def test_a_template_that_opens_the_thinking_is_noticed(self) -> None:
        known = load_processor(tiny_model("glm4v"), "glm4v")
        known.chat_template += "{{ '<think>\n' }}"

        assert Prompter(known).prompt(PreparedQuestion("Why?")).thinking
        assert not prompter("glm4v").prompt(PreparedQuestion("Why <think>")).thinking


class TestTemplates:
    def test_where_there_is_no_place_for_system_text_it_stands_before_the_first_question(self) -> None:
        known = load_processor(tiny_model("llava"), "llava")
        for template in (
            known.chat_template.replace(
                "{{- bos -}}",
                "{{- bos -}}{%- set messages = messages | rejectattr('role', 'equalto', 'system') | list -%}",
            ),
            known.chat_template.replace(
                "{{- bos -}}",
                "{{- bos -}}{%- if messages[0].role == 'system' -%}{{- raise_exception('no') -}}{%- endif -%}",
            ),
        ):
            known.chat_template = template
            text = read("llava", Prompter(known).prompt(FOLLOW_UP))

            assert text.startswith("<s>USER: ▣\nBe short.\n\nWhat colour?</s>")

    def test_the_first_mark_is_written_once_also_where_the_tokenizer_would_write_it_again(self) -> None:
        known = load_processor(tiny_model("llava"), "llava")
        known.tokenizer.bos_token = "<s>"
        first = known.tokenizer.convert_tokens_to_ids("<s>")
        twice = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", first)])
        known.tokenizer.backend_tokenizer.post_processor = twice

        assert Prompter(known).prompt(PreparedQuestion("?")).ids.count(first) == 1
        known.chat_template = known.chat_template.replace("{{- bos -}}", "")
        assert Prompter(known).prompt(PreparedQuestion("?")).ids.count(first) == 1

    def test_a_model_without_a_template_is_refused_with_a_next_step(self) -> None:
        known = load_processor(tiny_model("llava"), "llava")
        known.chat_template = None

        with pytest.raises(EngineError) as caught:
            Prompter(known)
        assert "Instruct" in caught.value.hint

    def test_a_conversation_that_the_template_does_not_take_is_refused(self) -> None:
        known = load_processor(tiny_model("llava"), "llava")
        known.chat_template += "{%- if messages | length > 2 -%}{{- raise_exception('too long for me') -}}{%- endif -%}"

        with pytest.raises(EngineError, match="does not take this conversation"):
            Prompter(known).prompt(FOLLOW_UP)

    def test_two_turns_of_one_person_are_one_turn(self) -> None:
        history = (Turn("user", "One."), Turn("user", "Two."))

        text = read("llava", prompter("llava").prompt(PreparedQuestion("Three?", history=history)))

        assert text == "<s>USER: One.\n\nTwo.\n\nThree?</s>ASSISTANT: "


class TestPlainText:
    def test_marks_stay_readable(self) -> None:
        plain = PlainText(processor("glm4v"))
        assert plain("What is <|image|> in <div>?") == "What is < |image|> in <div>?"
        assert plain("<|im<|image|>age|>") == "<|im< |image|>age|>"

    def test_marks_that_are_no_tokens_are_broken_too_for_processors_and_we_look_for_them(self) -> None:
        plain = PlainText(processor("llava"))
        assert plain("<|placeholder|> <think></think>") == "< |placeholder|> < think>< /think>"

    def test_a_mark_that_shows_when_another_is_broken_is_broken_too(self) -> None:
        known = load_processor(tiny_model("llava"), "llava")
        known.tokenizer.add_tokens([AddedToken(mark, special=True) for mark in ("[a]", "]b", "b)")])

        assert PlainText(known)("[a]b)") == "[ a] b )"

    def test_white_space_that_a_mark_swallows_is_no_part_of_it(self) -> None:
        known = load_processor(tiny_model("llava"), "llava")
        known.tokenizer.add_tokens([AddedToken("<tool>", special=True, lstrip=True)])

        assert PlainText(known)("a  <tool>") == "a  < tool>"

    def test_a_mark_that_only_the_tokenizer_sees_is_broken_too(self) -> None:
        known = load_processor(tiny_model("glm4v"), "glm4v")
        known.tokenizer.add_tokens(["<tool>"])
        known.tokenizer.backend_tokenizer.normalizer = normalizers.NFKC()

        assert PlainText(known)("a ＜tool＞ b") == "a ＜ tool＞ b"

    def test_runs_of_spaces_are_text_also_where_they_are_tokens(self) -> None:
        known = load_processor(tiny_model("glm4v"), "glm4v")
        known.tokenizer.add_tokens(["    ", "\n\n"])

        assert PlainText(known)("a    b\n\nc") == "a    b\n\nc"

    def test_a_tokenizer_that_finds_marks_everywhere_cannot_be_asked(self) -> None:
        known = load_processor(tiny_model("glm4v"), "glm4v")
        known.tokenizer.backend_tokenizer.normalizer = normalizers.Replace(" ", "")

        with pytest.raises(EngineError, match="cannot be told from the marks"):
            PlainText(known)("<think>")

    def test_halves_of_characters_are_told_as_such(self) -> None:
        assert PlainText(processor("llava"))("a\ud83d b\ud83d\ude9a") == "a\ufffd b🚚"


def test_the_form_is_asked_for_behind_the_question() -> None:
    schema = {"type": "object", "properties": {"farbe": {"type": "string"}}}
    question = PreparedQuestion("Which?", form=AnswerForm("order", schema, "An order."))

    text = read("llava", prompter("llava").prompt(question))

    assert "USER: Which?\n\nAnswer with JSON and nothing else" in text
    assert '(“order” An order.):\n{"type": "object", "properties": {"farbe": {"type": "string"}}}</s>' in text
    assert instruction(AnswerForm()).startswith("Answer with one JSON object")
    assert "schema:\n{}" in instruction(AnswerForm(schema={}))
