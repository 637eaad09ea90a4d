"""The version, read by the packaging and shown by `bridge --version`."""

__version__ = "0.1.0.dev0"
