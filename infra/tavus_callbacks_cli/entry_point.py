"""The script `tavus-callbacks`: runs a command, and ends faults of the machine in a sentence."""

import sys

from tavus_callbacks_cli.output import faults
from tavus_callbacks_cli.output.shell import quote

# The modules that only the local stack imports; every other package comes with [cli].
_LOCAL = {"av", "moto", "samtranslator", "werkzeug", "yaml"}


def main() -> None:
    """Run the command line; always ends with SystemExit."""
    faults.open_closed_streams()
    try:
        try:
            _run()
        finally:
            # A full disk fails here, not in the interpreter's last moments.
            sys.stdout.flush()
    except BrokenPipeError:
        faults.discard_output()
        sys.exit(1)
    except OSError as error:
        faults.discard_output()
        sys.exit(f"Error: {faults.describe(error)}")
    except MemoryError:
        sys.exit("Error: The memory is used up. Close other programs, or ask for less.")


def _run() -> None:
    # httpx imports its own command line with pygments, if it can: 0.18 s of every command that reads.
    sys.modules["httpx._main"] = None  # type: ignore[assignment]  # makes this import fail
    try:
        from tavus_callbacks_cli.main import main as run

        run()
    except KeyboardInterrupt:
        # While modules load; click says the same later.
        sys.exit("\nAborted!")
    except UnicodeEncodeError:
        # File names may have other bytes; ids, labels and tags may not.
        argument = next((argument for argument in sys.argv[1:] if not faults.is_utf8(argument)), None)
        if argument is None:
            raise
        sys.exit(f"Error: {quote(argument)} is not valid UTF-8. Check your terminal's encoding.")
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if not module or module.startswith("tavus_callbacks") or module in sys.stdlib_module_names:
            raise
        extra = "local" if module in _LOCAL else "cli"
        sys.exit(f"Error: {module} is missing. Run pip install 'tavus-callbacks[{extra}]'.")
