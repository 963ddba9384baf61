"""Users' overlays: specs, trees, packed and staged, and the scripts that imply one."""
