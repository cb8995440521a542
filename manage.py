#!/usr/bin/env python
"""Django's command line, which reports an unreachable server in one line instead of a traceback."""

import os
import sys

from django.core.management import execute_from_command_line

from tetraflix.configuration.error_hints import unreachable


def main() -> None:
    """Runs the command; exits with 1 and one line when a server that it needs does not answer."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tetraflix.settings")
    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        sys.exit(130)  # the exit code of shells for Ctrl-C, without a traceback
    except Exception as error:
        line = unreachable(error)
        if line is None or "--traceback" in sys.argv:
            raise
        sys.exit(line)


if __name__ == "__main__":
    main()
