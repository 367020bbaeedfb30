"""The code by which a fresh process tells how much memory it has taken at most."""

# On Linux what ``getrusage`` gives survives ``exec``: it would be that of whoever
# started the process, where that is larger. What is in /proc is the process's own.
PEAK = """
def peak():
    try:
        with open("/proc/self/status") as status:
            return int(status.read().partition("VmHWM:")[2].split()[0]) / 1000
    except (OSError, IndexError):
        import resource, sys
        unit = 1e6 if sys.platform == "darwin" else 1e3
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
"""
"""Defines ``peak()``, which gives megabytes."""
