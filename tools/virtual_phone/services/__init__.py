"""What an adb server can ask the phone for, one module a service; `*_wire` modules are their bytes, pure."""
