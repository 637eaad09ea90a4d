"""The phone's own commands, as far as bridge and adbutils use them.

One module for each family: `apps` (am, pm, monkey), `keys` (input), `screen` (screencap, wm), `dumps` (dumpsys) and
`system` (getprop, settings, svc, logcat, reboot, cmd, content). Each module's `COMMANDS` says which names it answers;
`table` runs them by name, and the names are also what is linked into the phone's /system/bin.
"""
