"""Use cases, a room a subject: the phases in their order, the adapters wired in.

Options come in as values, reports go out as frozen dataclasses; `cli` parses and prints.
"""
