"""`bridge doctor`: everything between a laptop and an answer, looked at once, with the next step for what is amiss.

```
 examine.py ── all of it side by side, each with a deadline ──► [Finding, …] ──► cli: text or JSON, one exit code
   ├── command.py   which `bridge` the shell finds
   ├── settings.py  where each setting came from · the state folder
   ├── adb.py       programs, server, their protocol numbers · keys.py  who the phones take us for
   ├── phones.py    which there are, in which state
   │     └── phone.py  each usable one: daemon.py · reverse.py · browser.py · storage.py · clock.py · connections.py
   ├── host.py      is there one, does it take our key · engines.py
   └── model.py     where a model is wanted: torch and what belongs to it, asked of a process of its own
 upstream.py ── `--upstream URL`: that server alone, asked about one picture
```
Each file has one concern: a thin gatherer that looks and changes nothing, and a pure judge of what was seen. What is
probed (a reverse on the phone) is put back. `finding.py` has the words PASS, WARN and FAIL, and what they mean for the
exit code.
"""

from bridge.doctor.examine import Examination, examine
from bridge.doctor.finding import Finding, exit_code, gravest, worst

__all__ = ["Examination", "Finding", "examine", "exit_code", "gravest", "worst"]
