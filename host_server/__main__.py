"""`python -m host_server …` is `bridge-host serve …`."""

import typer

from host_server.cli import serve

if __name__ == "__main__":
    typer.run(serve)
