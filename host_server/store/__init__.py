"""What the host keeps on disk: uploaded pictures, as blobs named by their content, within a quota.

`blobs` knows owners, so that nobody can find out what somebody else has uploaded. Everything here may be deleted at any
time: the bridge's spool is where a capture is safe, and it uploads again when asked.
"""
