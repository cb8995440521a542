"""`manage.py list_api_keys`: lists all keys, active and revoked, without their secrets."""

from typing import Any

from django.core.management.base import BaseCommand

from tetraflix.models import ApiKey


class Command(BaseCommand):
    help = "Lists the API keys: look-up part, role, name, when created, last used and revoked."

    def handle(self, *args: Any, **options: Any) -> None:
        keys = list(ApiKey.objects.all())
        if not keys:
            self.stdout.write("No keys; manage.py create_api_key creates one.")
        for key in keys:
            used = f"used {key.last_used:%Y-%m-%d %H:%M}" if key.last_used else "never used"
            state = f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else used
            self.stdout.write(
                f"{key.lookup}  {key.role:<11}  {key.created:%Y-%m-%d}  {state:<24}  {key.name}"
            )
