"""The engine `ocr`: reads the text in a picture, and finds in it the value that a question asks for.

```
question ─► ask ──────────────► what is wanted: fields, words of a label, language
picture  ─► rapid (RapidOCR) ─► page: rows of boxes in reading order
                                └─► labels, find ─► the value beside or below the label ─► reply ─► text
```
It understands nothing else of a picture, and says so. All but `rapid` (the model) and `engine` (its thread) is pure.
"""
