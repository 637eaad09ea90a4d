"""From settings to the host that is meant."""

from bridge.config import Settings
from bridge.supervise.host import HostFinder

__all__ = ["finder_of"]


def finder_of(settings: Settings) -> HostFinder:
    """The host of `--host-url`, or the one that is found or started here."""
    return HostFinder(
        settings.state_dir,
        url=settings.host_url,
        token=settings.token.get_secret_value() if settings.token else None,
        token_file=settings.token_file,
        engines=settings.engine,
    )
