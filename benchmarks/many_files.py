"""More open files than a process has by default: each connection is one."""

from __future__ import annotations

__all__ = ["many_files"]

_WANTED = 65_536


def many_files() -> None:
    """Raises the limit of this process as far as the system lets it."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _WANTED if hard == resource.RLIM_INFINITY else min(hard, _WANTED)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
