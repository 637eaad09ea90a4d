#!/bin/sh
# Build the wheel, install it in a fresh environment and run the demo from an empty folder: nothing of the checkout may be needed.
# usage: test_wheel.sh PYTHON DEV_PYTHON
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT INT TERM
"$2" -m pip wheel --quiet --no-deps --wheel-dir "$dir" .
"$1" -m venv "$dir/venv"
"$dir/venv/bin/python" -m pip install --quiet "$(echo "$dir"/lensbridge-*.whl)[demo]"
mkdir "$dir/empty"
cd "$dir/empty"
"$dir/venv/bin/bridge" demo --json > answer.json
"$dir/venv/bin/python" -c 'import json; a = json.load(open("answer.json")); print("wheel: the demo answered:", a["answer"]); assert a["phone"]["answer_received"]'
