"""The roles of staff: viewers only read, editors change movies but delete none, operators handle dead letters."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

VIEWER = (
    "movies.view_movie",
    "movies.view_moviechange",
    "movies.view_job",
    "recommendations.view_userlists",
)
EDITOR = (
    *VIEWER,
    "movies.add_movie",
    "movies.change_movie",
    "movies.import_movies",
    "movies.revert_batch",
    "recommendations.take_off",
)
OPERATOR = (*VIEWER, "sessions_ingest.view_deadletteract", "sessions_ingest.handle_dead_letters")
ROLES = {"viewer": VIEWER, "editor": EDITOR, "operator": OPERATOR}


def make_roles(apps, schema_editor, roles=ROLES):
    # `migrate` creates permissions at its end, which is too late here.
    for label in ("movies", "recommendations", "sessions_ingest"):
        config = apps.get_app_config(label)
        before = getattr(config, "models_module", None)
        config.models_module = True
        create_permissions(config, apps=apps, verbosity=0)
        config.models_module = before
    group, permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    for name, names in roles.items():
        role, _ = group.objects.get_or_create(name=name)
        for label, codename in (full.split(".") for full in names):
            role.permissions.add(permission.objects.get(content_type__app_label=label, codename=codename))


def remove_roles(apps, schema_editor):
    apps.get_model("auth", "Group").objects.filter(name__in=ROLES).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("tetraflix", "0002_heartbeat"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("movies", "0005_jobs"),
        ("recommendations", "0002_take_off_permission"),
        ("sessions_ingest", "0002_dead_letter_act"),
    ]
    operations = [migrations.RunPython(make_roles, remove_roles)]
