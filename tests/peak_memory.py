"""What a process took of memory at most."""

from pathlib import Path


def peak_bytes() -> int:
    """Peak resident bytes of this process since it was started.

    Not `ru_maxrss`: that begins at the peak of whatever process started this one.
    """
    (line,) = (
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")
    )
    return int(line.split()[1]) * 1024
