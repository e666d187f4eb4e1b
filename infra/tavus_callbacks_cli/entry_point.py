"""The script `tavus-callbacks`, which names the extra to install when a package is missing."""

import sys

# The modules that only the local stack imports; every other package comes with [cli].
_LOCAL = {"av", "moto", "samtranslator", "werkzeug", "yaml"}


def main() -> None:
    """Run the command line."""
    # httpx imports its own command line with pygments, if it can: 0.18 s of every command that reads.
    sys.modules["httpx._main"] = None  # type: ignore[assignment]  # makes this import fail
    try:
        from tavus_callbacks_cli.main import main as run

        run()
    except KeyboardInterrupt:
        # While modules load; click says the same later.
        sys.exit("\nAborted!")
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if not module or module.startswith("tavus_callbacks") or module in sys.stdlib_module_names:
            raise
        extra = "local" if module in _LOCAL else "cli"
        sys.exit(f"Error: {module} is missing. Run pip install 'tavus-callbacks[{extra}]'.")
