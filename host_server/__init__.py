"""host_server."""
