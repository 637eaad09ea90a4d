"""All rogues by name."""

from collections.abc import Mapping

from virtual_phone.rogues import cameras, lies, screens, silence
from virtual_phone.rogues.rogue import Rogue

__all__ = ["CORPUS", "ROGUES"]

CORPUS: Mapping[str, Rogue] = {**cameras.ROGUES, **lies.ROGUES, **silence.ROGUES, **screens.ROGUES}
ROGUES: Mapping[str, str] = {name: rogue.told for name, rogue in CORPUS.items()}
"""Each name, and in a line what the phone does then."""
