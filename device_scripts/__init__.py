"""What runs on the phone: shell scripts that adb starts (`bin/`), and the page that the phone's browser opens (`app/`).

Files only: nothing here is imported by the phone, and nothing here imports the bridge. `README.md` is their contract.
"""

from device_scripts.files import app_folder, script

__all__ = ["app_folder", "script"]
