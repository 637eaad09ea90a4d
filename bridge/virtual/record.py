"""What the demo remembers while it runs: the stages, the picture, the answer, what reached the page."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["DemoResult", "DemoSetup", "Recorder", "Stage"]


@dataclass(frozen=True, slots=True)
class DemoSetup:
    """What the user chose; `browser` also opens the phone's page on the laptop, through the phone."""

    prompt: str
    picture: Path | None = None
    engine: str = "ocr"
    browser: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One step that was reached, `at_ms` after the start."""

    name: str
    at_ms: float
    detail: str = ""


@dataclass(slots=True)
class DemoResult:
    """Everything that is shown, printed as JSON and written to demo.html."""

    question: str
    stages: list[Stage] = field(default_factory=list)
    serial: str = ""
    adb_version: str = ""
    engine: str = ""
    capture: dict[str, Any] = field(default_factory=dict)
    answer: str = ""
    status: str = ""
    error: dict[str, Any] = field(default_factory=dict)
    timings_ms: dict[str, float | None] = field(default_factory=dict)
    linked: bool = False
    answer_received: bool = False
    picture: bytes = b""

    def to_json(self) -> dict[str, Any]:
        """The object of `bridge demo --json`."""
        return {
            "serial": self.serial,
            "adb_version": self.adb_version,
            "capture": self.capture,
            "question": self.question,
            "answer": self.answer,
            "engine": self.engine,
            "phone": {"linked": self.linked, "answer_received": self.answer_received},
            "timings_ms": self.timings_ms,
        }


class Recorder:
    """One run: remembers what came by and wakes whoever waits for it."""

    def __init__(self, setup: DemoSetup, on_stage: Callable[[Stage], None], on_delta: Callable[[str], None]) -> None:
        self.setup = setup
        self.result = DemoResult(question=setup.prompt)
        self.linked, self.answered, self.received = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._on_stage, self._on_delta = on_stage, on_delta
        self._started = time.monotonic()
        self._page_texts: dict[str, str] = {}
        self._pulled: set[str] = set()

    def stage(self, name: str, detail: str = "") -> None:
        """Note that a step is reached, and show it."""
        stage = Stage(name, round((time.monotonic() - self._started) * 1000, 1), detail)
        self.result.stages.append(stage)
        self._on_stage(stage)

    def on_event(self, event: dict[str, Any]) -> None:
        """What the bridge tells its terminal."""
        match event["event"]:
            case "capture" if event["state"] in {"pulled", "waiting"} and event["capture_id"] not in self._pulled:
                self._pulled.add(event["capture_id"])
                names = {"id": "capture_id", "sha256": "sha256", "bytes": "bytes", "source": "source"}
                self.result.capture = {name: event[theirs] for name, theirs in names.items()}
                self.stage("picture pulled", f"{event['name']}, {event['bytes']:,} bytes, sha256 checked")
            case "capture" if event["state"] == "uploaded":
                self.stage("picture at the host")
            case "question":
                self.stage("asked", event["text"])
            case "waiting":
                self.stage("the model is loading")
            case "delta":
                self._on_delta(event["delta"])
            case "answer":
                self._answered(event)
            # Others are notices, and the question goes on. But what our own host could not load, it never will.
            case "error" if event.get("final", True) or event.get("code") == "engine_unavailable":
                self.result.error = dict(event) | {"message": event["message"].removesuffix(" Asking again.")}
                self.answered.set()
            case _:
                pass

    def on_page_message(self, message: dict[str, Any]) -> None:
        """What reached the page on the phone."""
        match message["type"]:
            case "bridge:session.ready":
                self.result.linked = True
                self.linked.set()
            case "response.output_text.delta":
                answer = message["response_id"]
                self._page_texts[answer] = self._page_texts.get(answer, "") + message["delta"]
            case "response.completed" | "response.incomplete":
                whole = message["response"]["output"][-1]["content"][0]["text"]
                if self._page_texts.get(message["response_id"]) == whole:
                    self.result.answer_received = True
                    self.received.set()
            case _:
                pass

    def _answered(self, event: dict[str, Any]) -> None:
        self.result.answer, self.result.status = event["text"], event["status"]
        self.result.engine = event["model"] or self.setup.engine
        self.result.timings_ms = event["timings_ms"]
        self.result.error = dict(event.get("error") or {})
        if self.result.status == "completed":
            self.stage("answer complete", f"in {event['timings_ms']['total'] / 1000:.2f} s from the photo on")
        self.answered.set()
