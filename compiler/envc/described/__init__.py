"""Environments that envc did not build: their interpreter is asked, and tells an inventory."""
