"""The engines: those of the host that runs, or what one that is started here would have."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from bridge.doctor.finding import HOST_CODE, Finding, failed, passed, warned

__all__ = ["AREA", "installed", "judge_installed", "judge_states"]

AREA = "engines"
HOST_NEEDS = ("fastapi", "PIL")
ENGINE_NEEDS = {"ocr": ("rapidocr", "onnxruntime"), "transformers_vlm": ("torch", "transformers")}
NEED_A_MODEL = ("transformers_vlm",)
EXTRAS = {"transformers_vlm": "pip install 'lensbridge[host,gpu]'"}
INSTALL = "pip install 'lensbridge[demo]'"


def judge_states(states: object) -> list[Finding]:
    """Each engine of a host that runs, as the host tells."""
    if not isinstance(states, Mapping) or not states:
        return [failed(AREA, "none", "the host names no engine", hint="see its log", exit_code=HOST_CODE)]
    return [_judge_state(str(name), str(state)) for name, state in states.items()]


def installed() -> dict[str, bool]:
    """What is installed here: `host` itself and each engine that needs more than it. Imports nothing."""
    needs = {"host": HOST_NEEDS, **ENGINE_NEEDS}
    return {name: all(find_spec(module) is not None for module in modules) for name, modules in needs.items()}


def judge_installed(there: Mapping[str, bool], *, wanted: Sequence[str]) -> list[Finding]:
    """What a host would answer with that `connect` or `ask` starts here."""
    if not there["host"]:
        hint = f"{INSTALL}, or give a host elsewhere with --host-url"
        return [failed(AREA, "installed", "no host runs, and none is installed here", hint=hint, exit_code=HOST_CODE)]
    lacking = [spec for spec in wanted if there.get(spec.partition("=")[0]) is False]
    if lacking:
        text = f"the engine {lacking[0]} of the settings is not installed"
        hint = EXTRAS.get(lacking[0].partition("=")[0], INSTALL)
        return [failed(AREA, "installed", text, hint=hint, exit_code=HOST_CODE)]
    if wanted:
        return [passed(AREA, "installed", f"a host started here has {', '.join(wanted)}")]
    readers = [name for name in ENGINE_NEEDS if there.get(name) and name not in NEED_A_MODEL]
    if not readers:
        text = "only `echo` is installed here, which repeats the question and looks at no picture"
        return [warned(AREA, "installed", text, hint=f"{INSTALL} for one that reads text")]
    return [passed(AREA, "installed", f"a host started here has {', '.join(readers)} and echo")]


def _judge_state(name: str, state: str) -> Finding:
    if state == "ready":
        return passed(AREA, name, f"{name} is ready", state=state)
    if state == "failed":
        hint = "the host's log says why; it is tried again by itself"
        return failed(AREA, name, f"{name} cannot be loaded", hint=hint, exit_code=HOST_CODE, state=state)
    return warned(AREA, name, f"{name} is {state}", hint="wait a moment and look again", state=state)
