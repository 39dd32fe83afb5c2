"""The version, the one place for it, and those of the packages that a result may depend on."""

__version__ = "0.1.0"


def versions(*packages: str) -> list[str]:
    """Return elinvar, Python and those of the packages that are installed, with their versions."""
    # slow to import, and the version is asked for at every start
    import platform
    from importlib.metadata import PackageNotFoundError, version

    found = [f"elinvar {__version__}", f"Python {platform.python_version()}"]
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return found
