"""Operator commands: `python -m backend --help`."""

from __future__ import annotations

import sys

import click

from backend.cli import accounts, data, figures, serving
from backend.cli.base import commands, fail
from backend.settings import SettingsError

#: Each of these modules adds its commands to the group.
PARTS = (accounts, data, figures, serving)
__all__ = ["commands", "main"]


def main() -> None:
    """Run a command; a failure that an operator can mend is one sentence and exit 1."""
    try:
        commands(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(wrong.exit_code)
    except click.Abort:
        sys.exit(130)
    except SettingsError as error:
        fail(str(error))
