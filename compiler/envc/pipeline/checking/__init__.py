"""Verdicts on overlays, and what another state of the site would do to them."""
