"""What permissions allow, in sentences: for the pages of staff and roles."""

from collections.abc import Collection, Iterable

from django.contrib.auth.models import Group, Permission, User
from django.db.models import Prefetch, Q

# What holders see. The pages show permissions in this order.
SEES = {
    "movies.view_movie": "movies",
    "movies.view_moviechange": "the history",
    "movies.view_job": "bulk jobs",
    "recommendations.view_userlists": "users' lists",
    "recommendations.view_experiment": "experiments",
    "sessions_ingest.view_deadletteract": "dead letters",
    "tetraflix.view_apikey": "API keys",
    "auth.view_user": "staff",
    "auth.view_group": "roles",
}
# What holders do.
DOES = {
    "movies.add_movie": "add movies",
    "movies.change_movie": "change or hide movies",
    "movies.delete_movie": "delete movies",
    "movies.import_movies": "import movies",
    "movies.revert_batch": "revert changes",
    "recommendations.take_off": "remove movies from users' lists and bring them back",
    "recommendations.run_experiment": "create, start and stop experiments",
    "sessions_ingest.handle_dead_letters": "redrive and discard dead letters",
    "tetraflix.add_apikey": "create API keys",
    "tetraflix.change_apikey": "revoke API keys",
    "auth.add_user": "add staff",
    "auth.change_user": "change staff",
    "auth.add_group": "add roles",
    "auth.change_group": "change roles",
    "auth.delete_group": "delete roles",
}
KNOWN = (*SEES, *DOES)
# What to prefetch with roles.
WITH_PERMISSIONS = Prefetch("permissions", Permission.objects.select_related("content_type"))
EVERYTHING = "May do everything, also delete movies, and manage API keys, staff and roles."


def full_name(permission: Permission) -> str:
    """`movies.view_movie`, as code names the permission."""
    return f"{permission.content_type.app_label}.{permission.codename}"


def phrase(permission: Permission) -> str:
    """What the permission allows, after "may"; Django's own words for one that is not known here."""
    name = full_name(permission)
    if name in SEES:
        return f"see {SEES[name]}"
    return DOES.get(name) or permission.name.removeprefix("Can ")


def sentences(permissions: Iterable[Permission]) -> str:
    """`May see movies and bulk jobs. May also add movies.`"""
    held = {full_name(permission): permission for permission in permissions}
    seen = [words for name, words in SEES.items() if name in held]
    done = [words for name, words in DOES.items() if name in held]
    done += sorted(phrase(permission) for name, permission in held.items() if name not in KNOWN)
    if not held:
        return "May only see the dashboard."
    see = f"May see {listed(seen)}." if seen else ""
    do = f"May {'also ' if seen else ''}{listed(done)}." if done else ""
    return f"{see} {do}".strip()


def of_role(role: Group) -> str:
    """The sentences of a role whose permissions were prefetched (`WITH_PERMISSIONS`)."""
    return sentences(role.permissions.all())


def of_person(user: User) -> str:
    """The sentences of all roles of a person, and of permissions of their own."""
    if user.is_superuser:
        return EVERYTHING
    held = Q(group__user=user) | Q(user=user)
    return sentences(Permission.objects.filter(held).select_related("content_type").distinct())


def listed(words: Collection[str]) -> str:
    """`a, b and c`."""
    *some, last = words
    return f"{', '.join(some)} and {last}" if some else last
