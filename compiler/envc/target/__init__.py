"""A target directory or an overlay's folder: its names, its generations, its care."""
