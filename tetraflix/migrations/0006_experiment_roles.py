"""All roles see experiments; the new role analyst also creates, starts and stops them."""

from importlib import import_module

from django.db import migrations

earlier = import_module("tetraflix.migrations.0003_roles")

VIEW = ("recommendations.view_experiment",)
ROLES = dict.fromkeys(earlier.ROLES, VIEW) | {
    "analyst": (*earlier.VIEWER, *VIEW, "recommendations.run_experiment")
}


def make_roles(apps, schema_editor):
    earlier.make_roles(apps, schema_editor, ROLES)


def remove_role(apps, schema_editor):
    apps.get_model("auth", "Group").objects.filter(name="analyst").delete()


class Migration(migrations.Migration):
    dependencies = [
        ("tetraflix", "0005_keys_by_whom"),
        ("recommendations", "0006_experiments"),
    ]
    operations = [migrations.RunPython(make_roles, remove_role)]
