"""Many nodes: rolled out to, asked for their status, and what they do on their part."""
