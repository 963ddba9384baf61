"""Locks: made, recognised as unchanged, and asked for the reasons of their pins."""
