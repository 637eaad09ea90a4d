"""device_scripts."""
