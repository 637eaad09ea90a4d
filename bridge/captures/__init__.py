"""Captures: how a picture on a phone becomes one in the spool, without anything installed on the phone.

```
  phone                                      laptop
  watch_captures.sh ── alarm ──► alarm.py ──┐                    ┌──► Look, List   transport.stat, .list
                                            ├─► settle.SettleCore├──► Pull         transport.pull ► ending.judge
  /sdcard/DCIM/Camera ── LIST, the truth ───┘   (pure: when is   ├──► Accept       spool.commit ► yield Capture
                         every 1-5 s            a file whole?)   └──► Refuse, Hold, Remember
```
`folder.CameraFolder` is the shell around that core, and one `CaptureSource`. Beside it: `shutter` presses the phone's
shutter and takes what comes, `newest` takes the newest picture there is, `files` one from the laptop.
"""

from bridge.captures.source import CaptureSource
from bridge.spool import Capture

__all__ = ["Capture", "CaptureSource"]
