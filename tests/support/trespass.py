"""A fenced folder: what is written outside the part where writing is allowed is found."""

from pathlib import Path

__all__ = ["Grounds"]

_DEPTH = 4


class Grounds:
    """`allowed` lies deep inside; a path with a few `..` in it lands in what is looked through afterwards."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.allowed = folder.joinpath(*(f"level{number}" for number in range(_DEPTH)), "allowed")
        self.allowed.mkdir(parents=True, exist_ok=True)

    def trespasses(self) -> list[str]:
        """The files outside, and those inside that are links."""
        return sorted(
            str(path.relative_to(self.folder))
            for path in self.folder.rglob("*")
            if path.is_symlink() or (path.is_file() and self.allowed not in path.parents)
        )
