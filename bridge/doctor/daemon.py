"""What the phone's adb daemon can do: old ones lack parts, and the bridge works around each."""

from collections.abc import Collection

from bridge.doctor.finding import Finding, passed, warned

__all__ = ["judge_features"]

WANTED = {
    "shell_v2": "commands have no exit status",
    "stat_v2": "files over 4 GB and errors are not told apart",
    "cmd": "`cmd` has to be started anew for each question",
}


def judge_features(area: str, features: Collection[str]) -> Finding:
    """The parts that the bridge makes use of."""
    known = sorted(features)
    lacking = [name for name in WANTED if name not in features]
    if not lacking:
        return passed(area, "features", f"its daemon has {', '.join(WANTED)}", features=known)
    means = "; ".join(f"no {name}: {WANTED[name]}" for name in lacking)
    hint = "nothing to do: the bridge goes another way; a newer Android has them"
    return warned(area, "features", f"an old daemon ({means})", hint=hint, features=known)
