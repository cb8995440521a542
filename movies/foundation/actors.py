"""How records name who was at work. No Django."""

import getpass


def of_command() -> str:
    """`command:<the system's user>`; a container's user may have no name, only a number."""
    try:
        return f"command:{getpass.getuser()}"
    except (KeyError, OSError):
        return "command"
