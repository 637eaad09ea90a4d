"""Who is asking, once the token was right."""

from dataclasses import dataclass

__all__ = ["ADMIN", "Principal"]


@dataclass(frozen=True, slots=True)
class Principal:
    """`id` names an owner of answers and pictures, in folders and logs; `name` is for people."""

    id: str
    name: str


ADMIN = Principal("admin", "admin")
