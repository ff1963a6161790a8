"""The machine that measures and what is installed on it; nothing that names this very machine."""

import os
import platform
import sys

import tfobj
from tfobj.data import machine

_LIBRARIES = {"tensorflow": ("tensorflow", "keras", "numpy"), "jax": ("jax", "jaxlib", "keras", "numpy")}


def describe(device_name=None):
    """Describes the machine.

    Args:
        device_name: str or None. What the accelerator calls itself, None where there is none.

    Returns:
        Dict: `device`, the accelerator or the processor; `cores`, int; `system`; `memory`, int, bytes of the host.
    """
    return {"device": device_name or _processor(), "cores": machine.cores(),
            "system": f"{platform.system()} {platform.machine()}",
            "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")}


def peak_memory():
    """Bytes, the most memory that this process had resident, or None where the system does not tell."""
    for line in _lines("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    return None


def versions(backend):
    """Dict from name to version of Python, this package and the libraries of a backend, "tensorflow" or "jax"."""
    found = {name: sys.modules[name].__version__ for name in _LIBRARIES[backend]}
    return {"tfobj": tfobj.__version__, "python": platform.python_version(), **found}


def _processor():
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _lines(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.readlines()
    except OSError:  # another system
        return []
