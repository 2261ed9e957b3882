"""The commands of `actionlog`: one module each, imported only when it is asked for. The way in is __main__.py.

A module of a command has add_arguments(parser) and execute(arguments) -> exit code.
"""
