"""Text to paste into a shell: commands of ours and of other programs, ids and file names.

Ids, labels, tags and keys come from strangers. Pasted into bash or zsh, each stays a single argument and none
of it is executed. A character that could steer a terminal is written as its octal escape.
"""

import shlex
from collections.abc import Iterable

# The shell fills in the key, so the key is in no history and on no screen.
_KEY_HEADER = '-H "x-api-key: $TAVUS_API_KEY"'


def argument(text: str) -> str:
    """Return one argument of a command; a plain word stays as it is."""
    # zsh replaces `=name` by the path of a program (zshexpn, "Filename Expansion").
    return shlex.quote(text) if text.isprintable() and not text.startswith("=") else quote(text)


def quote(text: str) -> str:
    """Return one argument of a command, always in quotes: for names within a sentence."""
    if text.isprintable():
        return "'" + text.replace("'", "'\"'\"'") + "'"
    # $'...' is in bash, zsh, ksh and POSIX.1-2024. Octal, as a hexadecimal escape has no fixed end there.
    return f"$'{''.join(map(_escape, text))}'"


def _escape(character: str) -> str:
    # Within $'...' bash reads `!` as its history if an escaped quote stands before it.
    if character.isprintable() and character not in "\\'!":
        return character
    # No argument can carry a NUL. The replacement character names nothing; a shortened id could name another.
    text = "\N{REPLACEMENT CHARACTER}" if character == "\0" else character
    # Python reads a byte of a file name that is not UTF-8 as one of these (PEP 383).
    is_byte = "\udc80" <= character <= "\udcff"
    data = text.encode("utf-8", "surrogateescape" if is_byte else "surrogatepass")
    return "".join(f"\\{byte:03o}" for byte in data)


def line(*arguments: str) -> str:
    """Return a command of any program."""
    return " ".join(map(argument, arguments))


def command(words: str, *ids: str, options: Iterable[str] = ()) -> str:
    """Return a command of ours: the words of the subcommand, then ids and options.

    An id that begins with a dash would be read as an option. Such ids stand last, after `--`.
    """
    program = ("tavus-callbacks", *words.split())
    if any(id_.startswith("-") for id_ in ids):
        return line(*program, *options, "--", *ids)
    return line(*program, *ids, *options)


def aws(words: str, *arguments: str) -> str:
    """Return a command of the AWS CLI: the words of the subcommand, then options and values."""
    return line("aws", *words.split(), *arguments)


def tavus_request(url: str, *arguments: str) -> str:
    """Return the curl command that calls Tavus's API with the key from the environment."""
    return " ".join(filter(None, (line("curl", url), _KEY_HEADER, line(*arguments))))
