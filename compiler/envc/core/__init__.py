"""A carried interpreter: its archive, its folder, its way to a target, its care."""
