"""screencap on phones where it gives no picture of the screen, or gives more than that."""

from virtual_phone.commands.reply import Reply
from virtual_phone.commands.screen import png, screencap
from virtual_phone.device import Device
from virtual_phone.rogues.rogue import Rogue, answering

__all__ = ["OTHER_DISPLAY", "ROGUES"]

OTHER_DISPLAY = "4630946545580055171"
_FIRST_DISPLAY = "4630946545580055170"
# Word for word what Android 13 and later print, on stdout, in front of the picture.
_WARNING = (
    b"[Warning] Multiple displays were found, but no display id was specified! Defaulting to the first display found, "
    b"however this default is not guaranteed to be consistent across captures. A display id should be specified.\n"
    b'A display ID can be specified with the [-d display-id] option.\nSee "dumpsys SurfaceFlinger --display-id" for '
    b"valid display IDs.\n"
)
_BLACK = (0, 0, 0)


def _two_displays(device: Device, arguments: list[str]) -> Reply:
    """A phone that folds: the inner display is dark, the outer one shows what the phone shows."""
    if "-d" not in arguments:
        return Reply(_WARNING + _dark(device).stdout)
    wanted = arguments[arguments.index("-d") + 1]
    if wanted == OTHER_DISPLAY:
        return screencap(device, arguments)
    return _dark(device) if wanted == _FIRST_DISPLAY else Reply.error(f"Display Id '{wanted}' is not valid.")


def _first_of_two(device: Device, arguments: list[str]) -> Reply:
    """Two displays, of which the default one is what the person sees."""
    shown = screencap(device, arguments)
    return shown if "-d" in arguments else Reply(_WARNING + shown.stdout)


def _displays(_device: Device, arguments: list[str]) -> Reply:
    if arguments != ["SurfaceFlinger", "--display-id"]:
        return Reply.error(f"Can't find service: {' '.join(arguments)}")
    return Reply.text(
        f'Display {_FIRST_DISPLAY} (HWC display 0): port=130 pnpId=QCM displayName=""\n'
        f'Display {OTHER_DISPLAY} (HWC display 1): port=131 pnpId=QCM displayName=""'
    )


def _dark(device: Device, _arguments: list[str] | None = None) -> Reply:
    return Reply(png(device.width, device.height, _BLACK))


def _cut(device: Device, arguments: list[str]) -> Reply:
    whole = screencap(device, arguments).stdout
    return Reply(whole[: len(whole) // 2])


def _words(_device: Device, _arguments: list[str]) -> Reply:
    return Reply(b"Capturing failed.\n", b"", 1)


def _nothing(_device: Device, _arguments: list[str]) -> Reply:
    return Reply()


ROGUES = {
    "two_displays": Rogue(
        "a fold: a warning stands before the PNG; the default display is dark, the second one shows something",
        answering(screencap=_two_displays, dumpsys=_displays),
    ),
    "warning_before_png": Rogue(
        "a fold: a warning stands before the PNG of the display in use",
        answering(screencap=_first_of_two, dumpsys=_displays),
    ),
    "black_screen": Rogue("an app that forbids screenshots: the PNG is all black", answering(screencap=_dark)),
    "cut_screen": Rogue("the PNG of the screen ends in its middle", answering(screencap=_cut)),
    "no_screen": Rogue("screencap says «Capturing failed.» and ends with 1", answering(screencap=_words)),
    "empty_screen": Rogue("screencap prints nothing and ends with 0", answering(screencap=_nothing)),
}
