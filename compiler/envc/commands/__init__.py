"""One file a command, named as people type it: the order of its phases."""
