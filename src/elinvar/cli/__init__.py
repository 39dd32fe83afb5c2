"""The command line: `elinvar diagnose`, `fit`, `forecast`, `predict`, `demo` and `reproduce`."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit: 0 done, 1 refused with a reason, 2 wrong usage, 70 a fault."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        from elinvar.cli._app import app

        app(prog_name="elinvar")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        print(f"error: {error.strerror or error}.", file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        from elinvar.cli._fault import STATUS, report_fault

        print(f"error: {report_fault(error)}", file=sys.stderr)
        sys.exit(STATUS)
