"""The demo's staff login, made anew at each demo and gone with it: `python -m tetraflix.embedded.demo_login`.

With a password in the environment (where no other user can read it) the login exists and has that password;
with an empty one there is no such login.
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
