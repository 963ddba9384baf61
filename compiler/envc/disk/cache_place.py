"""Where the cache is, and whether it is the caller's own."""

import os

# In the cache; its time tells when the size of the whole was looked at last.
LOOKED = ".looked"
HOUR_SECONDS = 3_600.0


def default_cache() -> str:
    """`ENVC_CACHE_DIR`, else the user's cache folder."""
    configured = os.environ.get("ENVC_CACHE_DIR")
    if configured:
        return os.path.abspath(configured)
    if os.uname().sysname == "Linux":  # as platformdirs has it, which takes 5 ms to load
        return f"{os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')}/envc"
    from platformdirs import user_cache_dir

    return user_cache_dir("envc")


def own_cache() -> str:
    """The cache, which nobody else can change: what is kept there is run and believed.

    Where HOME is somebody else's, as sudo may leave it, it is that of the caller's own home.

    Raises:
        UsageError: the folder that `ENVC_CACHE_DIR` names could be changed by others.
    """
    folder = default_cache()
    if folder not in _safe:
        _safe[folder] = _checked(folder)
    return _safe[folder]


_safe: dict[str, str] = {}


def _checked(folder: str) -> str:
    from envc.disk.ownership import exposure
    from envc.errors import UsageError

    fault = exposure(folder)
    if fault is None:
        return folder
    import pwd

    from envc.ports import REPORTER

    home = f"{pwd.getpwuid(os.geteuid()).pw_dir}/.cache/envc"
    if os.environ.get("ENVC_CACHE_DIR") or exposure(home) is not None:
        raise UsageError(
            f"the cache is not safe there: {fault.what}",
            where=fault.where,
            mend="name a folder of your own in ENVC_CACHE_DIR",
        )
    REPORTER.get().warn(f"{folder} is not used as a cache: {fault.what}; {home} is")
    return home
