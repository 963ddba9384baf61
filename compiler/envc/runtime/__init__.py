"""The few files that run inside users' interpreters: standard library only, nothing of envc.

They are data to the rest of envc: `view` names them, a tree holds them in its site-packages.
"""
