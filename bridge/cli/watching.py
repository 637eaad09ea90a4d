"""What a connected phone does, on the terminal: pictures, questions and the answers while they are written."""

from typing import Any

from bridge.cli.output import Output, in_bytes, in_seconds

__all__ = ["Watching"]

# Steps of a moment on the way up: said only where they carry news of their own.
UNTOLD = {"making the tunnel"}
WORDS = {"opening": "connecting"}
STAGES = ("pull", "upload", "queue", "prepare", "first_token")


class Watching:
    """Shows the session's events; with --json they are passed on as they are, one object a line."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._streaming: str | None = None
        self._names: dict[str, str] = {}
        self._shown: str | None = None

    def show(self, event: dict[str, Any]) -> None:
        """One happening."""
        if self._output.as_json:
            self._output.json(event)
            return
        match event["event"]:
            case "device":
                self._device(event)
            case "capture":
                self._capture(event)
            case "question":
                self._question(event)
            case "waiting":
                self._output.entry("waiting", "the model is loading")
            case "delta":
                self._delta(event)
            case "answer":
                self._answer(event)
            case "error":
                self._output.end_stream()
                self._output.entry("problem", event["message"], detail=event.get("hint") or "")
            case _:
                pass

    def _device(self, event: dict[str, Any]) -> None:
        said = event.get("detail") or event["state"]
        if said not in UNTOLD:
            self._output.entry(
                "host" if event["state"] == "host" else "phone", WORDS.get(said, said), detail=event.get("hint") or ""
            )

    def _capture(self, event: dict[str, Any]) -> None:
        state, name, size = event["state"], event["name"], in_bytes(event["bytes"])
        if state in {"pulled", "waiting"} and event["capture_id"] not in self._names:
            if not self._names:
                self._output.gap()
            self._names[event["capture_id"]] = name
            self._output.entry("picture", name, detail=size)
            self._shown = event["capture_id"]
        elif state in {"failed", "skipped"}:
            self._names.pop(event["capture_id"], None)
            self._output.entry("picture", f"{name} {state}", detail=size)

    def _question(self, event: dict[str, Any]) -> None:
        """Which picture is meant is said where that does not stand right above."""
        if event.get("retry_of"):  # what was asked stands above, and so does why it is asked again
            return
        about = event.get("capture_id") or ""
        name = self._names.get(about, "") if about != self._shown else ""
        said = [f"about {name}" if name else "", "from the page" if event["asked_by"] == "page" else ""]
        self._output.entry("asked", event["text"], detail=", ".join(filter(None, said)))
        self._shown = None

    def _delta(self, event: dict[str, Any]) -> None:
        if self._streaming != event["response_id"]:
            self._streaming, self._shown = event["response_id"], None
            self._output.end_stream()
        self._output.stream(event["delta"])

    def _answer(self, event: dict[str, Any]) -> None:
        self._output.end_stream()
        self._streaming = self._shown = None
        self._names.pop(event.get("capture_id") or "", None)
        less = [step.replace("_", " ") for step in event.get("degraded") or ()]
        if event["status"] != "completed":
            self._output.entry(event["status"], (event.get("error") or {}).get("message", ""), detail=", ".join(less))
            return
        for note in event.get("annotations") or ():
            self._place(note)
        took = event["timings_ms"]
        parts = [f"{name.replace('_', ' ')} {in_seconds(took[name])}" for name in STAGES if took.get(name) is not None]
        parts += ["said before"] if event.get("cached") else []
        parts += less
        self._output.entry("answered", f"in {in_seconds(took['total'])}", detail=" · ".join(parts))

    def _place(self, note: dict[str, Any]) -> None:
        """A place in the picture that the answer names, in thousandths of its width and height."""
        box = note.get("box")
        if note.get("type") == "bridge:box" and isinstance(box, list):
            corners = ", ".join(str(number) for number in box[:4])
            self._output.entry("place", str(note.get("label") or "box"), detail=f"[{corners}]")
