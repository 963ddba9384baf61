"""Every value that a command prints with `--json`."""
