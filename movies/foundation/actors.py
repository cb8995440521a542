"""Names the actor of a management command in change records. No Django."""

import getpass


def command_actor() -> str:
    """`command:<the system's user>`; just `command` where the user has no name, as in some containers."""
    try:
        return f"command:{getpass.getuser()}"
    except (KeyError, OSError):
        return "command"
