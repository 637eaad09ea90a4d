"""The reference cannot drift: it is made again, and must be what is committed."""

import pytest

from tools.reference.pages import FOLDER, pages


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """Each page by its name; made when a test wants it, for that takes a second."""
    return pages()


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir()))
def test_a_page_of_the_reference_is_what_the_code_says(made: dict[str, str], name: str) -> None:
    committed = (FOLDER / name).read_text(encoding="utf-8")

    assert committed == made.get(name), "run `make reference` and commit what it writes"


def test_every_generated_page_is_committed(made: dict[str, str]) -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(made)


def test_every_setting_says_what_it_does(made: dict[str, str]) -> None:
    empty = [line for line in made["settings.md"].splitlines() if line.startswith("| `") and line.endswith("|  |")]

    assert empty == []
