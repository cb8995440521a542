"""`manage.py stop`: stops the running stack from another terminal."""

import os
import signal
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tetraflix.configuration import stack_addresses

TIMEOUT_SECONDS = 30


class Command(BaseCommand):
    help = "Stops what `make run` or `make demo` runs here, as Ctrl-C there would, and waits for it."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        stack = stack_addresses.read(settings.VAR_DIR)
        if stack is None:
            self.stdout.write("Nothing runs here.")
            return
        pid = stack["pid"]
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while stack_addresses.is_running(pid):
            if time.monotonic() > deadline:
                raise CommandError(f"It has not stopped (pid {pid}) after {TIMEOUT_SECONDS} s.")
            time.sleep(0.05)
        self.stdout.write(f"Stopped (pid {pid}).")
