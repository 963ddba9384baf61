"""What is known of overlays, gathered and judged."""
