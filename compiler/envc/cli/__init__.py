"""The command line: options in, one call of a use case, a report out. One module a command.

A command is a value (`grammar.Command`); a use case is imported when its command runs, so that
start-up stays short.
"""
