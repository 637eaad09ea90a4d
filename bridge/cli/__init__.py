"""The command line: one command a file, `app` puts them together, `output` alone prints.

stdout is data, stderr is talk. At module level the files import typer and the errors only, so that `bridge --help` is
quick; what a command works with is imported inside it.
"""
