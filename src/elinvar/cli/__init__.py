"""The command line: `elinvar diagnose`, `fit`, `predict`, `demo` and `reproduce`."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit: 0 done, 1 refused with a reason, 2 wrong usage."""
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
