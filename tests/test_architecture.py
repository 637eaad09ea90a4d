"""What a reader may rely on in every file: size, docstrings, names, and what start-up does not load."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("bridge", "host_server", "device_scripts", "tools")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION = 400, 60


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_every_module_says_why_it_exists() -> None:
    silent = [name(path) for path in SOURCES if not ast.get_docstring(parsed(path))]

    assert silent == []


def test_no_file_is_longer_than_a_few_screens() -> None:
    long = {
        name(path): lines for path in SOURCES if (lines := len(path.read_text("utf-8").splitlines())) > LONGEST_FILE
    }

    assert long == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = {}
    for path in SOURCES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    long[f"{name(path)}:{node.name}"] = lines

    assert long == {}


def test_no_code_is_left_for_later() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX)\b|NotImplementedError")
    found = [name(path) for path in SOURCES if marks.search(path.read_text(encoding="utf-8"))]

    assert found == []


def test_only_one_module_prints() -> None:
    printing = []
    for path in (ROOT / "bridge").rglob("*.py"):
        calls = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)]
        if any(isinstance(call.func, ast.Name) and call.func.id == "print" for call in calls):
            printing.append(name(path))

    assert printing == ["bridge/cli/output.py"]


def test_a_serial_in_a_command_to_copy_is_quoted() -> None:
    """A phone chooses its serial: `adb -s $(id) shell` would be run by whoever copies it."""
    bare = re.compile(r"`[^`\n]*\{[\w.]*serial\}[^`\n]*`")
    found = [name(path) for path in (ROOT / "bridge").rglob("*.py") if bare.search(path.read_text(encoding="utf-8"))]

    assert found == []


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("bridge", ("adbutils", "httpx", "websockets", "starlette", "pydantic")),
        ("bridge.cli.app", ("adbutils", "httpx", "websockets", "starlette", "pydantic", "asyncio")),
        ("host_server", ("fastapi", "PIL", "numpy", "pydantic")),
        ("host_server.wire", ("fastapi", "PIL", "numpy", "starlette")),
        ("host_server.engines.registry", ("rapidocr", "onnxruntime", "numpy", "PIL", "torch")),
        ("virtual_phone", ("adbutils", "pydantic", "httpx")),
    ],
)
def test_importing_a_module_loads_nothing_heavy(module: str, heavy: tuple[str, ...]) -> None:
    script = f"import sys, {module}; print(*[m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)

    assert done.stdout.strip() == ""


def test_the_changelog_has_a_place_for_what_is_not_released() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert "## [Unreleased]" in text


def test_every_local_link_in_the_docs_leads_somewhere() -> None:
    broken = []
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "device_scripts").rglob("*.md")]:
        targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
        local = [target for target in targets if "://" not in target]
        broken += [f"{name(page)}: {target}" for target in local if not (page.parent / target).exists()]

    assert broken == []
