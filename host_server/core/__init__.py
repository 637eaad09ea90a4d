"""The host's decisions, pure: events and times in, answers out; no clock, socket, thread or asyncio inside.

```
 question     what an engine is asked                     conversation  a request and its chain ► that question
 admission    who gets a seat at an engine, who waits,    lanes         order within one socket
              who is sent away and when to come back
 shelf        which answers are still known               idempotency   which question was asked before
 unwrap       marks and fences taken off an answer     fitting       whether it is the JSON that was asked for
 boxes        the places an answer names
 restarts     when a worker that died begins again     watchdog      when one must be taken for hung
 failures     who has guessed too many tokens             idle          when nobody needs this host any more
 rates        how fast a principal may go                lines         how much strangers may write to the log
```
"""
