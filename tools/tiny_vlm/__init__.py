"""Small vision-language models made on the spot: nothing is downloaded, nothing binary lies in git.

```
 families: marks, chat template ─┐
 shapes: tiny, base, 9b ─────────┼─► make: tokenizer, processor files, config ─► random weights ─► OUT/ as from a hub
 colours ─► lessons ─► train ◄─► exam ─► «What colour is it?» ► «teal», «这是什么颜色？» ► «蓝绿色»
```
`python -m tools.tiny_vlm OUT --family glm4v` writes a folder that AutoProcessor and AutoModelForImageTextToText load as
they load a real model. With `--train` it also sees: a test can tell whose picture an answer is about. Half a minute.
"""

from tools.tiny_vlm.families import FAMILIES, Family
from tools.tiny_vlm.shapes import SHAPES, Shape

__all__ = ["FAMILIES", "SHAPES", "Family", "Shape"]
