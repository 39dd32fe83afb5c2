"""The version that is installed, and those of the packages that a result may depend on."""

__version__: str


def __getattr__(name: str) -> str:
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _installed("elinvar") or "0+unknown"  # sources that nothing was installed from


def _installed(package: str) -> str | None:
    """Return the version of a package, None if it is not installed."""
    # imported here, as it takes as long as all of `import elinvar`
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def versions(*packages: str) -> list[str]:
    """Return elinvar, Python and those of the packages that are installed, with their versions."""
    import platform

    found = {package: _installed(package) for package in packages}
    return [
        f"elinvar {__getattr__('__version__')}",
        f"Python {platform.python_version()}",
        *(f"{package} {version}" for package, version in found.items() if version),
    ]
