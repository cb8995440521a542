"""The fixed genre preferences of users that were given some, once: in PostgreSQL with either store of lists."""

from collections.abc import Collection, Iterator, Sequence

from recommendations.models import Preferences


def give(user_id: int, weights: Sequence[int]) -> bool:
    """Stores the weights, which are a profile, as the user's preferences. False if some were given before."""
    _, created = Preferences.objects.get_or_create(user_id=user_id, defaults={"weights": list(weights)})
    return created


def given(user_ids: Collection[int]) -> dict[int, tuple[int, ...]]:
    """The weights of those of the users that were given preferences. One statement."""
    found = Preferences.objects.filter(user_id__in=list(user_ids)).values_list("user_id", "weights")
    return {user_id: tuple(weights) for user_id, weights in found}


def users() -> Iterator[int]:
    """The ids of all users that were given preferences."""
    yield from Preferences.objects.order_by("user_id").values_list("user_id", flat=True).iterator()
