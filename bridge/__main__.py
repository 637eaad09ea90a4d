"""`python -m bridge`: the same as `bridge`, whatever else of that name is on PATH."""

from bridge.cli.app import main

if __name__ == "__main__":
    main()
