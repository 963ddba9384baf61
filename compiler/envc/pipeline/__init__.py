"""Use cases: the phases in their order, the adapters wired in. One module a command.

Options come in as values, reports go out as frozen dataclasses; `cli` parses and prints.
"""
