"""`manage.py stop`: stops the stack that runs here, from another terminal."""

import os
import signal
from typing import Any

import psutil
from django.conf import settings
from django.core.management.base import BaseCommand

from tetraflix import addresses


class Command(BaseCommand):
    help = "Stops what `make run` or `make demo` runs here, as Ctrl-C there would, and waits for it."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        stack = addresses.read(settings.VAR_DIR)
        if stack is None:
            self.stdout.write("Nothing runs here.")
            return
        process = psutil.Process(stack["pid"])
        os.kill(process.pid, signal.SIGTERM)
        process.wait(timeout=30)
        self.stdout.write(f"Stopped (pid {process.pid}).")
