"""``python -m elinvar`` is the command ``elinvar``."""

from elinvar.cli import main

if __name__ == "__main__":
    main()
