"""The words around a value: honest when it is not there, short when asked to be, always in the question's language."""

import pytest

from host_server.engines.ocr.page import Page
from host_server.engines.ocr.reply import reply
from tests.support.layout import page

ORDER = """
Order No      20251122-884213
Order date    22 Nov 2025
Invoice No    INV-77120
Total         $204.00
"""


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("What is the tracking number?", "tracking number"),
        ("What is the expiry date?", "expiry date"),
        ("What is the Wi-Fi password?", "wifi password"),
        ("What is Bob's phone number?", "bob phone number"),
        ("运单号是多少？", "运单号"),
        ("退款单号是多少？", "退款单号"),
    ],
)
def test_a_field_that_is_not_there_is_not_made_up(question: str, missing: str) -> None:
    answer = reply(question, [page(ORDER)])

    first, *rest = answer.splitlines()
    assert missing in first
    assert "I only read text" in first or "我只识别文字" in first
    assert rest == page(ORDER).text.splitlines()


@pytest.mark.parametrize("question", ["What is in the picture?", "Describe this image.", "Is the cat asleep?"])
def test_another_question_gets_the_text_and_the_truth(question: str) -> None:
    answer = reply(question, [page(ORDER)])

    assert answer.startswith("I can only read text")
    assert answer.endswith(page(ORDER).text)


def test_a_chinese_question_is_answered_in_chinese() -> None:
    assert reply("图片里有什么？", [page(ORDER)]).startswith("我只识别文字")
    assert "取自“Order No”一栏" in reply("订单号是多少", [page(ORDER)])


def test_the_label_is_named_and_what_the_engine_is() -> None:
    answer = reply("What is the order number?", [page(ORDER)])

    assert answer == "20251122-884213\n\nThat stands by “Order No”. I only read text."


@pytest.mark.parametrize(
    ("question", "system"),
    [
        ("What is the order number? Reply with the number only.", ""),
        ("只回答订单号", ""),
        ("What is the order number?", "Answer with just the value."),
    ],
)
def test_asked_for_the_value_only_it_says_nothing_else(question: str, system: str) -> None:
    assert reply(question, [page(ORDER)], system) == "20251122-884213"


def test_several_fields_have_a_line_each_and_a_missing_one_is_named() -> None:
    answer = reply("What are the order number, the total and the carrier?", [page(ORDER)])

    assert answer == "order number: 20251122-884213\ntotal: $204.00\ncarrier: not found"


def test_several_fields_in_chinese() -> None:
    assert reply("订单号和合计分别是多少", [page(ORDER)]) == "订单号：20251122-884213\n合计：$204.00"


def test_a_second_value_that_fits_as_well_is_mentioned_after_the_first() -> None:
    answer = reply("order number?", [page("Order No    4711\nStatus    Paid\nOrder No    4712")])

    assert answer.splitlines()[0] == "4711"
    assert "Also: 4712." in answer


def test_a_value_without_a_label_is_called_a_guess() -> None:
    answer = reply("What is the date?", [page("CORNER SHOP\n2025-11-22")])

    assert answer.startswith("2025-11-22\n\nNothing there is labelled date")


def test_two_values_without_a_label_are_no_answer() -> None:
    assert reply("What is the date?", [page("2025-11-22\n2025-11-23")]).startswith("I find no date")


def test_a_picture_without_text_and_a_question_without_a_picture() -> None:
    assert reply("order number?", [Page(())]) == "I find no text in this picture, and text is all that I can read."
    assert reply("order number?", []).startswith("There is no picture")
    assert reply("订单号", []).startswith("这个问题没有附图片")


def test_each_of_several_pictures_has_its_own_part() -> None:
    answer = reply("order number?", [page("Order No: 1"), page("nothing"), Page(())])

    one, two, three = answer.split("\n\nPicture ")
    assert one.startswith("Picture 1:\n1\n")
    assert two.startswith("2:\nI find no order number")
    assert three.startswith("3:\nI find no text")
