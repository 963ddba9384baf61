"""Text to model and back: specs, locks, manifests, records. One module a format; no I/O."""
