"""Creates the demo's staff login, or removes it: `python -m tetraflix.embedded.demo_login`.

The password comes from the environment, where no other user can read it; an empty one removes the login.
"""

import os

import django
from django.apps import apps

USERNAME = "demo"
PASSWORD_VARIABLE = "TETRAFLIX_DEMO_PASSWORD"  # noqa: S105


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tetraflix.settings")
    django.setup()
    users = apps.get_model("auth", "User").objects
    users.filter(username=USERNAME).delete()
    if password := os.environ[PASSWORD_VARIABLE]:
        users.create_superuser(USERNAME, password=password)


if __name__ == "__main__":
    main()
