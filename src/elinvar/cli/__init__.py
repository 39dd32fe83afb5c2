"""The command line: `elinvar diagnose`, `fit`, `forecast`, `predict`, `demo` and `reproduce`."""

import io
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit: 0 done, 1 refused with a reason, 2 wrong usage, 70 a fault."""
    from elinvar.cli._streams import open_streams, say, status

    open_streams()
    try:
        from elinvar.cli._app import app

        done = app(prog_name="elinvar", standalone_mode=False)
    except KeyboardInterrupt:
        say("interrupted")
        done = 130
    except OSError as error:
        say(f"error: {error.strerror or error}.")
        done = 1
    except Exception as error:
        done = _told(error)
    lost = status()
    sys.exit(done or lost)


def _told(error: Exception) -> int:
    """Say what is wrong with the command, or that nobody foresaw this; return the status."""
    from elinvar.cli._streams import say

    if hasattr(error, "exit_code") and hasattr(error, "show"):
        # wrong usage: typer's words, with what the user typed in them
        text = io.StringIO()
        error.show(text)
        say(text.getvalue().rstrip())
        return int(error.exit_code)
    from elinvar.cli._fault import STATUS, report_fault

    say(f"error: {report_fault(error)}")
    return STATUS
