"""Named questions: what is asked, in Chinese and English, how the model is told to answer, and the JSON it must fit.

```
 shipped.yaml ──────────────┐  later wins,
 ~/.config/…/prompts.yaml ──┤  by name          ┌─► `Prompt.options` ─► a question to the host
 ./prompts.yaml, or the     ├─► PromptBook ─────┤
 setting `prompts` ─────────┘                   └─► `document` ─► a file on the phone, the page's list
```
`reading` turns YAML into values that know their lines, within limits; `model` says what a prompt is and collects every
fault at once; `book` puts the files together; `push` brings the list to a phone.
"""

from bridge.prompts.book import (
    Place,
    Prompt,
    PromptBook,
    default_language,
    load,
    may_be_name,
    places,
    read_file,
    resolve,
)
from bridge.prompts.model import Language, PromptFileError
from bridge.prompts.reading import Problem

__all__ = [
    "Language",
    "Place",
    "Problem",
    "Prompt",
    "PromptBook",
    "PromptFileError",
    "default_language",
    "load",
    "may_be_name",
    "places",
    "read_file",
    "resolve",
]
