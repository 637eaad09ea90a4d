"""What a connected phone does, on the terminal: pictures, questions and the answers while they are written."""

from typing import Any

from bridge.cli.output import Output

__all__ = ["Watching"]


class Watching:
    """Shows the session's events; with --json they are passed on as they are, one object a line."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._streaming: str | None = None

    def show(self, event: dict[str, Any]) -> None:
        """One happening."""
        if self._output.as_json:
            self._output.json(event)
            return
        match event["event"]:
            case "device":
                self._output.say(f"phone   {event['state']}", detail=event.get("hint") or "")
            case "capture" if event["state"] in {"pulled", "waiting", "failed", "skipped"}:
                self._output.say(
                    f"picture {event['name']}", detail=f"{event['bytes']} bytes, {event['source']}, {event['state']}"
                )
            case "question":
                self._output.say(f"asked   {event['text']}", detail=f"by {event['asked_by']}")
            case "delta":
                self._delta(event)
            case "answer":
                self._answer(event)
            case "error":
                self._output.say(f"problem {event['message']}", detail=event.get("hint") or "")
            case _:
                pass

    def _delta(self, event: dict[str, Any]) -> None:
        if self._streaming != event["response_id"]:
            self._streaming = event["response_id"]
            self._output.end_stream()
        self._output.stream(event["delta"])

    def _answer(self, event: dict[str, Any]) -> None:
        self._output.end_stream()
        self._streaming = None
        timings = {name: ms for name, ms in event["timings_ms"].items() if ms is not None}
        said = ", ".join(f"{name.replace('_', ' ')} {ms:.0f}" for name, ms in timings.items())
        if event["status"] == "completed":
            self._output.say("done", detail=f"{said} ms")
        else:
            reason = (event.get("error") or {}).get("message", "")
            self._output.say(f"{event['status']}: {reason}".rstrip(": "))
