"""The contract between the host and whoever talks to it: OpenAI's Responses API, and a little of ours beside it.

```
 ids        resp_…, msg_…, cap_<sha256>
 errors     one table: our code ► type, HTTP status, retryable, the closed enum for `response.error`
 request    what a client may send, checked            (pydantic: bytes come in here; `fields`: their limits)
 response   the Response object, items, usage          (plain dicts go out)
 events     AnswerWriter: the events of one answer, in the only right order; `output`: each item of it
 chat       chat completions: the question made one of `request`; completion: the answer made theirs
 log        AnswerLog: those events numbered and kept; a reader at any cursor gets what it has not seen
 acks       what a reader that acknowledges has not read yet
 items      what a question brought, told back; page: one page of such a list
 codec      JSON out and in
 discovery  where a host leaves its address and its token for the clients of the same user
```
Everything here is pure (`discovery` reads and writes small files) and imports pydantic at most, because the laptop's
commands import it too. The host owns the contract, the bridge imports it, `tests/golden/wire` holds the page to it.
"""
