"""Captures: how a picture on a phone becomes one in the spool, without anything installed on the phone.

```
  phone                                      laptop
  watch_captures.sh ── alarm ──► alarm.py ──┐                    ┌──► Look, List   transport.stat, .list
                                            ├─► settle.SettleCore├──► Pull         transport.pull ► ending.judge
  /sdcard/DCIM/Camera ── LIST, the truth ───┘   (pure: when is   ├──► Accept       spool.commit ► yield Capture
                         every 1-5 s            a file whole?)   └──► Refuse, Hold, Remember
```
`folder.CameraFolder` is the shell around that core, and one `CaptureSource`. What appeared during a long absence or a
pause is held: it stays on the phone and is counted, until `catch_up`.

```
  ScreenWay   screencap ► png (whole?) ► looking (black? the same?) ─┐            ┌── look, keep         one picture
  ShutterWay  shutter: wake, unlock, open, press ► the new file ─────┼── ways ────┤
  NewestWay   newest: list the folders ► pull ───────────────────────┤            └── repeating.Repeating
  FileWay     files: copy a picture of the laptop ───────────────────┘                one every so many seconds,
                                                                                      another `CaptureSource`
```
"""

from bridge.captures.source import CaptureSource
from bridge.spool import Capture

__all__ = ["Capture", "CaptureSource"]
