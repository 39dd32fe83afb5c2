"""Servers that tests start for themselves, in a temporary folder, and stop."""

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path


def postgres_programs():
    """Return the folder of initdb and pg_ctl, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    here = shutil.which("pg_ctl")
    return found[-1].parent if found else Path(here).parent if here else None


@contextmanager
def postgres():
    """Yield the address of a Postgres that listens on this machine alone."""
    programs = postgres_programs()
    with tempfile.TemporaryDirectory(prefix="elinvar-postgres-") as folder:
        # the server refuses to run as root
        user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        as_user = user if os.geteuid() == 0 else []
        os.chmod(folder, 0o755)
        home = Path(folder, "data")
        home.mkdir()
        if as_user:
            shutil.chown(home, "nobody", "nogroup")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]

        def run(program, *arguments):
            command = [*as_user, programs / program, *arguments]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

        run("initdb", "-D", home, "-U", "elinvar", "-A", "trust", "-N", "-E", "UTF8")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={home}"
        options += " -c fsync=off"
        run("pg_ctl", "-D", home, "-o", options, "-l", home / "log", "-w", "start")
        try:
            yield f"postgresql://elinvar@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-D", home, "-m", "immediate", "-w", "stop")
