"""Where the cache is."""

import os


def default_cache() -> str:
    """`ENVC_CACHE_DIR`, else the user's cache folder."""
    configured = os.environ.get("ENVC_CACHE_DIR")
    if configured:
        return os.path.abspath(configured)
    if os.uname().sysname == "Linux":  # as platformdirs has it, which takes 5 ms to load
        return f"{os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')}/envc"
    from platformdirs import user_cache_dir

    return user_cache_dir("envc")
