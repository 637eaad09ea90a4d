"""Whatever stands on a page and whatever is asked: no exception, and no value that is not on the page."""

import string

from hypothesis import given
from hypothesis import strategies as st

from host_server.engines.ocr.ask import understand
from host_server.engines.ocr.fields import FIELDS
from host_server.engines.ocr.find import find
from host_server.engines.ocr.labels import pairs, tidy
from host_server.engines.ocr.page import Page
from host_server.engines.ocr.reply import reply
from host_server.engines.ocr.slots import read_labels
from tests.support.layout import page

labels = st.sampled_from([" ".join(label) for field in FIELDS for label in field.labels])
signs = st.text(string.ascii_letters + string.digits + " :：.#-$¥/订单号状态合计", min_size=1, max_size=20)
cells = st.one_of(labels, signs, st.builds("{}: {}".format, labels, signs), st.builds("{} {}".format, labels, signs))
drawings = st.lists(st.lists(cells, min_size=1, max_size=4).map("    ".join), max_size=8).map("\n".join)
questions = st.one_of(
    st.text(max_size=60), labels, st.builds("What is the {}?".format, labels), st.builds("{}是多少".format, labels)
)


def squeezed(text: str) -> str:
    return "".join(text.split())


@given(drawings, questions, questions)
def test_every_value_is_text_of_the_page(drawing: str, question: str, system: str) -> None:
    laid_out = page(drawing)
    on_page = squeezed(laid_out.text)
    boxes = [squeezed(box.text) for row in laid_out.rows for box in row]

    assert reply(question, [laid_out], system).strip()
    for wanted in understand(question).wanted:
        found = find(laid_out, read_labels(laid_out), wanted)
        if found is not None:
            assert found.value.strip()
            for value in (found.value, *found.others):
                assert all(any(squeezed(part) in box for box in boxes) for part in value.split())
            assert squeezed(found.label) in on_page


@given(st.text(max_size=300), st.text(max_size=300))
def test_no_question_is_too_strange(question: str, page_text: str) -> None:
    assert reply(question, [page(page_text)])
    assert reply(question, [Page(())])


@given(st.text(string.printable + "：订单号", max_size=80))
def test_pairs_cut_a_text_and_add_nothing(text: str) -> None:
    rest = text
    for pair in pairs(text):
        for part in (pair.label.strip(), pair.value):
            place = rest.find(part)
            assert place >= 0
            rest = rest[place + len(part) :]


@given(st.text(string.printable + "：›复制", max_size=40))
def test_a_tidied_value_is_part_of_the_text_and_stays_tidy(text: str) -> None:
    value = tidy(text)

    assert value in text
    assert tidy(value) == value


@given(labels, st.from_regex(r"[A-Z]{2}[0-9]{4,8}", fullmatch=True))
def test_a_known_label_with_a_colon_gives_its_value(label: str, value: str) -> None:
    understood = understand(f"What is the {label}?").wanted
    laid_out = page(f"{label}: {value}")
    for wanted in understood:
        found = find(laid_out, read_labels(laid_out), wanted)
        assert found is None or found.value == value
