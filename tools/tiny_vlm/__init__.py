"""Small vision-language models made on the spot: nothing is downloaded, nothing binary lies in git.

```
 families: marks, chat template ─┐
 shapes: tiny, base, 9b ─────────┼─► make: tokenizer, processor files, config ─► random weights ─► OUT/ as from a hub
```
`python -m tools.tiny_vlm OUT --family glm4v` writes a folder that AutoProcessor and AutoModelForImageTextToText load as
they load a real model.
"""

from tools.tiny_vlm.families import FAMILIES, Family
from tools.tiny_vlm.shapes import SHAPES, Shape

__all__ = ["FAMILIES", "SHAPES", "Family", "Shape"]
