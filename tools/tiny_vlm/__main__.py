"""The command: makes one family, or all of them side by side, and trains where it is asked to."""

import argparse
import sys
import time
from pathlib import Path

from tools.tiny_vlm import FAMILIES, SHAPES


def main(words: list[str]) -> int:
    """Make what the words say; tell on stderr what was made. 1 when a trained model does not know its colours."""
    parser = argparse.ArgumentParser(prog="python -m tools.tiny_vlm", description="Make a small vision-language model.")
    parser.add_argument("out", type=Path, help="the folder to write")
    parser.add_argument(
        "--family", choices=[*FAMILIES, "all"], default="glm4v", help="all: a folder for each below OUT"
    )
    parser.add_argument("--size", choices=SHAPES, default="tiny", help="weights: tiny 0.2 M, base 245 M, 9b")
    parser.add_argument("--train", action="store_true", help="make one that names colours (glm4v)")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(words)
    if asked.train and asked.family != "glm4v":
        parser.error("--train goes with --family glm4v")
    from transformers.utils import logging

    from tools.tiny_vlm.make import make

    logging.disable_progress_bar()
    if asked.train:
        return _trained(asked.out, asked.seed)
    for family in FAMILIES if asked.family == "all" else [asked.family]:
        out = asked.out / family if asked.family == "all" else asked.out
        began = time.monotonic()
        make(out, family, asked.size, seed=asked.seed)
        size = sum(path.stat().st_size for path in out.iterdir()) / 1e6
        _say(f"{family}, {asked.size}: {size:.1f} MB in {time.monotonic() - began:.1f} s at {out}")
    return 0


def _trained(out: Path, seed: int) -> int:
    from tools.tiny_vlm.train import train

    began = time.monotonic()
    wrong = train(out, seed=seed, say=_say)
    known = "it names every colour" if not wrong else "still wrong:"
    _say("\n".join([f"taught in {time.monotonic() - began:.1f} s at {out}; {known}", *wrong]))
    return 1 if wrong else 0


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
