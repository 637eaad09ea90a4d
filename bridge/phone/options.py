"""What may be said beside the picture and the question, and beside the serial: the same for both faces."""

import os
from collections.abc import Sequence
from typing import Literal, TypedDict

__all__ = ["AskOptions", "ConnectOptions"]


class ConnectOptions(TypedDict, total=False):
    """What is left out comes from the environment and the configuration files, as for the command."""

    usb: bool
    """only phones on a cable"""
    tcp: bool
    """only phones on the network, and emulators"""
    model: str | None
    """which engine or model answers, unless a question says otherwise"""
    host_url: str | None
    """use this host instead of finding or starting one"""
    token_file: "str | os.PathLike[str] | None"
    """a file that holds that host's key"""
    engine: Sequence[str]
    """what a host that is started here has, such as `ocr` or `echo`"""
    state_dir: "str | os.PathLike[str] | None"
    """where tokens and pictures are kept"""


class AskOptions(TypedDict, total=False):
    """What is left out, or None, is the prompt's, the engine's or the phone's own affair."""

    prompt: str | None
    """a named prompt instead of a question, with all that belongs to it: see `bridge prompts list`"""
    lang: Literal["en", "zh"] | None
    """the language of a named prompt; left out, the settings' or the terminal's"""
    model: str | None
    """which engine or model of the host answers"""
    instructions: str | None
    """what the model is told about its task, beside the question"""
    temperature: float | None
    """0 for the likeliest words"""
    max_output_tokens: int | None
    """where the answer is cut; it is then `incomplete`"""
    deadline: float
    """seconds for all of it, 300 if nothing else is said"""
