"""Runs the command that recounts what is derived, as an administrator does."""

from io import StringIO

from django.core.management import call_command


def rebuild_metrics(*arguments: str) -> tuple[int, str]:
    """The exit status of rebuild_metrics and what it printed."""
    printed = StringIO()
    try:
        call_command("rebuild_metrics", *arguments, stdout=printed, stderr=StringIO())
    except SystemExit as exit_:
        return int(str(exit_.code)), printed.getvalue()
    return 0, printed.getvalue()
