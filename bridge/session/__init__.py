"""One phone's conversation: every picture, question and answer of it, told to all who look.

```
 captures ──►┐                                     ┌──► viewers: page, terminal    (each with its own outbox)
 viewers  ──►┤ events ►  SessionCore  ► commands ──┼──► host client: upload, ask, cancel
 host     ──►┘            (pure)                   ├──► spool: the answer, journalled
                                                   └──► observer: JSON Lines of design 7
```
`messages` checks what viewers say, `line` keeps the questions that wait, `pictures` knows what the host has, `answers`
keeps the logs that viewers read from, `viewers` who looks and how far each has read, `report` has the words for the
observer. `lane` is the way to the host and back, `patience` how long that is tried, `recovery` finds what an earlier
bridge had asked for; `core` is the whole. `runner` and `books`, which writes down and tells, alone wait.

Promises: one question per phone is asked at a time, in order, people before the camera's backlog; an accepted question
gets exactly one terminal event; a question the host lost is asked once more (`retry_of`), a picture's own a few times,
then reported; a picture is asked about once.
"""

from bridge.session.events import PhoneInfo
from bridge.session.runner import Session
from bridge.session.viewer import Viewer

__all__ = ["PhoneInfo", "Session", "Viewer"]
