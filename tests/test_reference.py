"""The reference cannot drift: it is made again, and must be what is committed."""

import pytest

from tools.reference.pages import FOLDER, pages

PAGES = pages()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_reference_is_what_the_code_says(name: str) -> None:
    committed = (FOLDER / name).read_text(encoding="utf-8")

    assert committed == PAGES[name], "run `make reference` and commit what it writes"


def test_every_committed_page_is_generated() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


def test_every_setting_says_what_it_does() -> None:
    empty = [line for line in PAGES["settings.md"].splitlines() if line.startswith("| `") and line.endswith("|  |")]

    assert empty == []
