"""What questions want: the field or the words, and nothing that was only said in passing."""

import pytest

from host_server.engines.ocr.ask import understand


def fields(question: str) -> list[str]:
    return [wanted.field.english for wanted in understand(question).wanted if wanted.field]


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("What is the order number?", ["order number"]),
        ("What is the number of the order?", ["order number"]),
        ("The number of the order and the date of the order", ["order number", "order date"]),
        ("of the order", []),
        ("What is the status of?", ["status"]),
        ("What is the total on the receipt?", ["total"]),
        ("Read the order number from the picture of the phone.", ["order number"]),
        ("What is on the order page?", []),
        ("What does this phone screen show?", []),
        ("phone number, please", ["phone number"]),
        ("Which Wi-Fi password and network name?", ["wifi password", "wifi name"]),
        ("E-mail address", ["email"]),
        ("How much did I pay?", ["total"]),
        ("How many did I get?", ["quantity"]),
        ("When will it arrive?", ["delivery date"]),
        ("When did I buy this?", ["order date"]),
        ("When does it expire?", ["expiry date"]),
        ("When?", ["date"]),
        ("Where does it go?", ["address"]),
        ("Who gets it?", ["recipient"]),
        ("Where is my parcel?", ["status"]),
        ("What went wrong?", ["error message"]),
        ("How did I pay?", ["payment method"]),
        ("What have I bought?", ["item"]),
        ("订单号", ["order number"]),
        ("订单的编号", ["order number"]),
        ("请帮我读一下手机截图里的订单号", ["order number"]),
        ("手机屏幕上写着什么？", []),
        ("收货人的手机号", ["phone number"]),
        ("订单号和总价", ["order number", "total"]),
        ("Order No 是多少", ["order number"]),
        ("税是多少", ["tax"]),
        ("花了多少钱", ["total"]),
        ("什么时候能送到", ["delivery date"]),
        ("寄给谁的", ["recipient"]),
        ("到哪了", ["status"]),
        ("怎么付的款", ["payment method"]),
        ("买了什么", ["item"]),
        ("有几个", ["quantity"]),
        ("哪天", ["date"]),
        ("在哪里", ["address"]),
        ("怎么了", ["error message"]),
        ("What colour is the sky?", []),
        ("天空是什么颜色", []),
        ("", []),
    ],
)
def test_the_fields_that_a_question_wants(question: str, wanted: list[str]) -> None:
    assert fields(question) == wanted


def test_words_around_a_field_make_it_another_one() -> None:
    assert understand("date of birth").wanted[0].qualifiers == ("birth",)
    assert understand("Bob's phone number").wanted[0].qualifiers == ("bob",)
    assert understand("退款单号").wanted[0].qualifiers == ("退款",)
    assert understand("the order's total").wanted[0].qualifiers == ()


def test_at_most_six_things_are_wanted() -> None:
    question = "order number, total, date, status, recipient, phone, address, carrier, tax"

    assert len(understand(question).wanted) == 6


def test_the_language_is_chinese_as_soon_as_there_is_chinese() -> None:
    assert understand("What is 订单号?").language == "zh"
    assert understand("What is it?").language == "en"


def test_a_question_of_a_thousand_of_s_ends() -> None:
    assert understand("x of y of " * 1000).language == "en"
