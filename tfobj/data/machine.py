"""What this machine offers: processor cores and memory."""

import os

_CONTAINER_LIMIT = "/sys/fs/cgroup/memory.max"


def cores():
    """Processor cores that this process may use, int."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory():
    """Bytes of memory that programs can still take, int: of the machine, and not more than the container may have."""
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            free = 1024 * int(line.split()[1])
    limits = [int(line) for line in _lines(_CONTAINER_LIMIT) if line.strip().isdecimal()]
    return min([free, *limits])


def _lines(path):
    try:
        with open(path, encoding="ascii") as file:
            return file.readlines()
    except OSError:  # another system
        return []
