"""virtual_phone."""
