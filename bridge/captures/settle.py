"""When is a new file on a phone a finished picture? The pure core: what is seen in, what to do out, time an argument.

```
   alarm "moved" ─────────────────────────────► Pull ──► whole or with a trailer ──► Accept
   alarm "written", listing ──► candidate                 else: a candidate like any other
        candidate: the same size and time for 0.15 s ──► Pull ──► whole ──► Accept
                                                              ├── trailer behind the end: 1 s unchanged ► Accept
                                                              ├── no end: 10 s unchanged ► Accept (the host judges)
                                                              └── no JPEG or PNG: 1 s unchanged ► Refuse
```
A rename to the final name is how Android's media store says "finished", so it is believed; one that has no end even so
is waited for only 2 s. Each version of a file (path, mtime, size) is accepted or refused once; a file rewritten later
is a new version. What was there at the start is never sent. What appeared during a long absence or a pause is held
until `CatchUp`, in whatever version; nothing of it is pulled.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from bridge.captures.ending import Ending
from bridge.captures.naming import folder_of, kind_of
from bridge.captures.signals import (
    Accept,
    Alarm,
    CatchUp,
    Command,
    Committed,
    Discard,
    Event,
    Hold,
    List,
    Listed,
    Look,
    Looked,
    Opened,
    Paused,
    Pull,
    Pulled,
    PullFailed,
    Reason,
    Refuse,
    Remember,
    StillWriting,
)
from bridge.spool import MAX_PICTURE_BYTES, FileKey

__all__ = ["GRACE_S", "SettleCore"]

GRACE_S: Final = 600.0
"""What appeared while nobody looked for longer than this may be private, and is held."""

_STEADY_S: Final = 0.15
_PATIENCE_S: Final[dict[Ending, float]] = {"whole": _STEADY_S, "trailer": 1.0, "cut": 10.0, "alien": 1.0}
_RENAMED_PATIENCE_S: Final = 2.0
_FIRST_RETRY_S: Final = 0.5
_LAST_RETRY_S: Final = 60.0
_LOOKS_AT_ONCE: Final = 8
_INT64: Final = 1 << 63


@dataclass(slots=True)
class _Candidate:
    """A file that may become a capture. `key` is its last known version, seen for the first time at `since`."""

    key: FileKey | None
    since: float
    patience: float = _STEADY_S
    due: float = 0.0
    not_before: float = 0.0
    failures: int = 0
    moved: bool = False
    renamed: bool = False
    told: bool = False
    final_at: float = 0.0


class SettleCore:
    """Decides for all watched folders of one phone."""

    def __init__(self, *, paused: bool = False) -> None:
        self._done: set[FileKey] = set()
        self._held: dict[bytes, FileKey] = {}
        self._paused = paused
        self._waiting: dict[bytes, _Candidate] = {}
        self.surprises = 0
        """How many new files a listing found before any alarm told of them: alarms cannot be relied on."""

    @property
    def held(self) -> int:
        """How many files wait for the user's word."""
        return len(self._held)

    def due(self) -> float | None:
        """When a `Tick` is wanted, None when nothing waits."""
        return min((candidate.due for candidate in self._waiting.values()), default=None)

    def feed(self, event: Event, now: float) -> list[Command]:
        """Take one event in.

        The commands that follow from `Pulled` are done before another file is pulled to the same path. Those of a
        listing may wait while other events are fed.
        """
        return list(self._feed(event, now))

    def _feed(self, event: Event, now: float) -> Iterator[Command]:
        match event:
            case Opened():
                yield from self._opened(event, now)
            case Listed(folder, files):
                yield from self._listed(folder, files, now)
            case Alarm(path, moved):
                yield from self._alarmed(path, now, moved=moved)
            case Looked(path, key):
                if key is None:
                    self._waiting.pop(path, None)
                else:
                    yield from self._sighted(key, now)
            case Pulled(key, ending):
                yield from self._pulled(key, ending, now)
            case PullFailed(path):
                self._failed(path, now)
            case Committed(key):
                self._settle(key)
            case CatchUp():
                yield from self._catch_up()
            case Paused(paused):
                self._paused = paused
                yield from self._hold_waiting()
            case _:  # Tick
                yield from self._ticked(now)

    # -------------------------------------------------------------------------------- listings
    def _opened(self, event: Opened, now: float) -> Iterator[Command]:
        files = _pictures(event.files)
        self._done |= event.done
        news = tuple(sorted(files - event.done - event.held))
        done = news if event.away is None else ()
        all_held = self._paused or (event.away is not None and event.away > GRACE_S)
        before = {key.path for key in event.held}
        held = () if done else tuple(key for key in news if all_held or key.path in before)
        self._done.update(done)
        self._held.update((key.path, key) for key in (*(event.held & files), *held))
        yield Remember(event.folder, done, held, tuple(files))
        yield from self._listed(event.folder, event.files, now)

    def _listed(self, folder: bytes, files: Iterable[FileKey], now: float) -> Iterator[Command]:
        pictures = _pictures(files)
        there = {key.path for key in pictures}
        for known in (self._waiting, self._held):
            for path in [path for path in known if folder_of(path) == folder and path not in there]:
                del known[path]
        news = sorted(pictures - self._done - set(self._held.values()), key=lambda key: (key.mtime, key.path))
        for key in news:
            self.surprises += key.path not in self._waiting
            yield from self._sighted(key, now)

    # -------------------------------------------------------------------------------- what the user allows
    def _catch_up(self) -> Iterator[Command]:
        if not self._paused:
            folders = {folder_of(path) for path in self._held}
            self._held.clear()
            yield from (List(folder) for folder in sorted(folders))

    def _hold_waiting(self) -> Iterator[Command]:
        """At the start of a pause, keep back what was about to be sent; at its end nothing waits."""
        waiting, self._waiting = self._waiting, {}
        for candidate in waiting.values():
            if candidate.key is not None:
                yield self._hold(candidate.key)

    def _hold(self, key: FileKey) -> Hold:
        self._waiting.pop(key.path, None)
        self._held[key.path] = key
        return Hold((key,))

    # -------------------------------------------------------------------------------- one file
    def _alarmed(self, path: bytes, now: float, *, moved: bool) -> Iterator[Command]:
        kind = kind_of(path)
        if kind == "other":
            return
        candidate = self._waiting.setdefault(path, _Candidate(None, now))
        candidate.due = now + _STEADY_S
        free = not self._paused and path not in self._held
        if kind == "picture" and moved and free and candidate.not_before <= now:
            candidate.moved = candidate.renamed = True
            candidate.final_at = now
            yield Pull(path)
        else:
            yield Look(path)

    def _sighted(self, key: FileKey, now: float) -> Iterator[Command]:
        if key in self._done or self._held.get(key.path) == key or not _pictures([key]):
            self._waiting.pop(key.path, None)
            return
        if self._paused or key.path in self._held:
            yield self._hold(key)
            return
        candidate = self._waiting.setdefault(key.path, _Candidate(key, now))
        if candidate.key != key:
            candidate.key, candidate.since, candidate.patience, candidate.final_at = key, now, _STEADY_S, 0.0
            candidate.renamed = False
        candidate.due = max(candidate.since + candidate.patience, candidate.not_before) if key.size else math.inf
        if now < candidate.due:
            return
        candidate.due = now + _STEADY_S
        if kind_of(key.path) == "unreadable":
            yield self._refuse(key, "format")
        elif key.size > MAX_PICTURE_BYTES:
            yield self._refuse(key, "too_large")
        else:
            candidate.final_at = candidate.final_at or now
            yield Pull(key.path)

    def _pulled(self, key: FileKey, ending: Ending, now: float) -> Iterator[Command]:
        candidate = self._waiting.get(key.path)
        if candidate is None or key in self._done:
            self._waiting.pop(key.path, None)
            yield Discard(key.path)
            return
        if candidate.moved and ending in {"whole", "trailer"}:
            yield Accept(key, candidate.final_at)
            return
        candidate.moved = False
        if candidate.key != key:
            candidate.key, candidate.since = key, now
        patience = _RENAMED_PATIENCE_S if candidate.renamed and ending == "cut" else _PATIENCE_S[ending]
        if now - candidate.since >= patience:
            yield self._refuse(key, "no_picture") if ending == "alien" else Accept(key, candidate.final_at)
            return
        if ending == "cut" and not candidate.told:
            candidate.told = True
            yield StillWriting(key, patience)
        candidate.patience, candidate.final_at = patience, 0.0
        candidate.due = candidate.since + patience
        yield Discard(key.path)

    def _failed(self, path: bytes, now: float) -> None:
        candidate = self._waiting.get(path)
        if candidate is None:
            return
        candidate.moved = False
        delay = min(_FIRST_RETRY_S * 2**candidate.failures, _LAST_RETRY_S)
        candidate.failures = min(candidate.failures + 1, 10)
        candidate.due = candidate.not_before = now + delay

    def _refuse(self, key: FileKey, reason: Reason) -> Refuse:
        self._settle(key)
        return Refuse(key, reason)

    def _settle(self, key: FileKey) -> None:
        self._done.add(key)
        self._waiting.pop(key.path, None)

    # -------------------------------------------------------------------------------- time
    def _ticked(self, now: float) -> Iterator[Command]:
        """Look again at what is due; when that is much, one listing of its folder tells it all."""
        folders: dict[bytes, list[bytes]] = {}
        for path, candidate in self._waiting.items():
            if candidate.due <= now:
                candidate.due = now + _STEADY_S
                folders.setdefault(folder_of(path), []).append(path)
        for folder, paths in folders.items():
            if len(paths) > _LOOKS_AT_ONCE:
                yield List(folder)
            else:
                yield from (Look(path) for path in sorted(paths))


def _pictures(files: Iterable[FileKey]) -> set[FileKey]:
    """Leave out what is no picture by its name, and numbers that only a hostile phone sends."""
    return {key for key in files if kind_of(key.path) != "other" and 0 <= key.size < _INT64 and abs(key.mtime) < _INT64}
