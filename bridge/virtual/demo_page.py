"""`demo.html`: what the demo did, to look at. One file, no scripts, nothing from outside."""

import base64
import html
from pathlib import Path

from bridge.virtual.record import DemoResult

__all__ = ["write_demo_page"]

TIMINGS = {
    "pull": "pulled from the phone, verified",
    "upload": "sent to the host",
    "queue": "waited for the engine",
    "prepare": "picture prepared",
    "first_token": "first word, from the final rename on the phone",
    "total": "whole answer, from the final rename on the phone",
}

STYLE = """
:root { color-scheme: light dark; --paper: #fbfaf8; --ink: #1c1b19; --soft: #6f6a62; --line: #e4dfd6; --accent:
#0b6e5f; } @media (prefers-color-scheme: dark) { :root { --paper: #161513; --ink: #ece8e1; --soft: #a09a90; --line:
#35322d; --accent: #5fd0bc; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.5 system-ui, "Noto Sans", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 3rem 1.5rem 4rem; display: grid; gap: 3rem; grid-template-columns:
minmax(14rem, 22rem) 1fr; } @media (max-width: 46rem) { main { grid-template-columns: 1fr; padding-top: 1.5rem; gap:
1.5rem; } } figure { margin: 0; } img { width: 100%; border-radius: 1.4rem; border: 1px solid var(--line); display:
block; } figcaption, .soft { color: var(--soft); font-size: .84rem; overflow-wrap: anywhere; } figcaption { margin-top:
.7rem; } h1 { font-size: 1rem; font-weight: 600; color: var(--accent); margin: 0 0 2.2rem; letter-spacing: .02em; }
.question { color: var(--soft); margin: 0; }
.note { margin: 0 0 2rem; } .answer { font-size: 1.7rem; line-height: 1.3; margin: .3rem 0 .4rem;
white-space: pre-wrap; overflow-wrap: anywhere; } table { border-collapse: collapse; width: 100%; font-size: .95rem; }
td { padding: .45rem 0; border-top: 1px solid var(--line); vertical-align: top; } td.ms { text-align: right;
font-variant-numeric: tabular-nums; white-space: nowrap; padding-right: 1.2rem; width: 6.5rem; } h2 { font-size:
.84rem; font-weight: 600; color: var(--soft); margin: 2.4rem 0 .5rem; }
"""


def write_demo_page(result: DemoResult, path: Path) -> None:
    """Write the page; everything that came from outside is escaped."""
    kind = "png" if result.picture.startswith(b"\x89PNG") else "jpeg"
    picture = base64.b64encode(result.picture).decode()
    stages = "".join(_stage(stage.at_ms, stage.name, stage.detail) for stage in result.stages)
    timings = "".join(
        _stage(ms, TIMINGS.get(name, name), "") for name, ms in result.timings_ms.items() if ms is not None
    )
    value, _, note = result.answer.partition("\n\n")
    path.write_text(
        f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>lensbridge demo</title><style>{STYLE}</style></head><body><main>
<figure><img src="data:image/{kind};base64,{picture}" alt="The picture that was asked about">
<figcaption>{result.capture.get("bytes", 0):,} bytes, sha256 {_text(str(result.capture.get("sha256", ""))[:16])}…<br> {
            _text(result.serial)
        }, adb {_text(result.adb_version)}</figcaption></figure>
<section><h1>lensbridge demo</h1>
<p class="question">{_text(result.question)}</p><p class="answer">{_text(value)}</p><p class="note">{_text(note)}</p>
<p class="soft">engine {_text(result.engine)}; answer on the phone's page: {
            "yes" if result.answer_received else "no"
        }</p> <h2>Where the time went (laptop's clock)</h2><table>{timings}</table>
<h2>What happened, since the start</h2><table>{stages}</table>
</section></main></body></html>
""",
        encoding="utf-8",
    )


def _stage(ms: float, name: str, detail: str) -> str:
    more = f'<br><span class="soft">{_text(detail)}</span>' if detail else ""
    return f'<tr><td class="ms">{ms:,.0f} ms</td><td>{_text(name)}{more}</td></tr>'


def _text(value: object) -> str:
    return html.escape(str(value))
