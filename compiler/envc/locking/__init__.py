"""From a spec to its lock: problems made, resolved and merged."""
