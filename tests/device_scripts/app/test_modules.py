"""The page's modules under node's own test runner: protocol, link and socket without a browser."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
APP = HERE.parents[2] / "device_scripts" / "app"


def test_the_modules_pass_nodes_test_runner() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed (apt-get install nodejs); the page's modules are not tested")
    tests = sorted(str(path) for path in HERE.glob("*.test.mjs"))
    run = subprocess.run(
        [node, "--test", *tests],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "NO_COLOR": "1", "NODE_OPTIONS": ""},
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_both_languages_say_the_same_things() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed (apt-get install nodejs); the page's words are not compared")
    script = f"""
        import {{ LANGUAGES }} from {str(APP / "words.js")!r};
        const holes = (text) => [...text.matchAll(/{{\\w+}}/g)].map(String).sort().join();
        const shape = (words) => Object.entries(words).map(([key, text]) => key + holes(text)).sort().join("\\n");
        const [first, ...others] = Object.values(LANGUAGES).map(shape);
        process.exit(others.every((other) => other === first) ? 0 : 1);
    """
    run = subprocess.run([node, "--input-type=module", "-e", script], timeout=30, check=False)
    assert run.returncode == 0


def test_every_module_is_fetched_at_once_instead_of_one_after_the_other() -> None:
    page = (APP / "index.html").read_text()
    assert {path.name for path in APP.glob("*.js")} == set(re.findall(r'(?:href|src)="(\w+\.js)"', page))


def test_the_page_needs_no_inline_script_or_style_and_nothing_from_elsewhere() -> None:
    page = (APP / "index.html").read_text()
    assert "style=" not in page
    assert "<style" not in page
    assert re.search(r"<[^>]*\son\w+=", page) is None
    for path in APP.iterdir():
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in text, path.name
        assert "innerHTML" not in text, path.name
        assert 'setAttribute("style"' not in text, path.name
