"""Engines: what looks at a picture and writes the answer.

```
base              what every engine promises (Engine, Piece, EngineInfo, errors)
options           what the command line says about how an engine shall be made
registry          name ─► engine, each imported only when it is asked for
process           any engine in a process of its own; those that compute are served so
echo              says the question back; for tests of everything around an engine
ocr               reads the text of a picture and finds the value that was asked for; understands nothing else
upstream          asks servers that speak OpenAI's chat completions
transformers_vlm  any image-text-to-text model of transformers, batched
```
Nothing heavy is imported here: a host that serves `echo` never loads the libraries of the others.
"""
