"""Whose certificates a client believes: reading the list of the world's takes 20 ms, and plain http needs none."""

import ssl

__all__ = ["trusted"]


def trusted(url: str) -> ssl.SSLContext:
    """For `https:` whom this machine believes; for anything else nobody, should a redirect lead to TLS."""
    return ssl.create_default_context() if url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
