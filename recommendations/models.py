"""Users' lists, preferences, and experiments: their facts, and what is counted from them.

Only one module writes each table: that of UserLists is recommendations/stores/postgres.py, others are named below.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now


class UserLists(models.Model):
    """Everything kept about one user, in one row, so that the hot read is one look-up by primary key."""

    user_id = models.BigIntegerField(primary_key=True)
    # best first, as recommended; recommended_at is null while no list was ever stored
    recommended: models.Field = ArrayField(models.BigIntegerField(), default=list)
    recommended_at = models.DateTimeField(null=True)
    recommended_by: models.Field = models.TextField(null=True)  # noqa: DJ001 (null: the bus, as for nearly every list)
    # currently watching: three parallel arrays, most recent first
    watching: models.Field = ArrayField(models.BigIntegerField(), default=list)
    progress: models.Field = ArrayField(models.FloatField(), default=list)
    watched_at: models.Field = ArrayField(models.DateTimeField(), default=list)
    # when each was brought back by hand, if it was; null if none was
    brought_back_at: models.Field = ArrayField(models.DateTimeField(null=True), null=True)
    # taken off by hand: [[movie, progress, microseconds since 1970]]
    # finished: [[movie, when, when reported]], with the time to order it by if that is not `when`
    removed = models.JSONField(default=list)
    finished = models.JSONField(default=list)
    # "not for me", latest first; null if nothing is
    dismissed: models.Field = ArrayField(models.BigIntegerField(), null=True)
    # of a list made for a running experiment: which one, the user's arm, and the list that the other arm would show
    experiment = models.BigIntegerField(null=True)
    arm: models.Field = models.TextField(null=True)  # noqa: DJ001 (null, as `experiment` is)
    other: models.Field = ArrayField(models.BigIntegerField(), null=True)
    # when the read of this list was logged as the first; null while it was not
    read_at = models.DateTimeField(null=True)
    updated = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "user lists"
        permissions = [("take_off", "Can take movies off currently watching, and bring them back")]

    def __str__(self) -> str:
        return f"lists of user {self.user_id}"


class ChangedUser(models.Model):
    """A user whose own list is to be made again while `mark` is set; rows stay. recommender/changed_users.py"""

    user_id = models.BigIntegerField(primary_key=True)
    mark = models.BigIntegerField(null=True)  # grows with every finish
    marked_at = models.DateTimeField(null=True)
    recommended_at = models.DateTimeField(null=True)  # when the recommender last looked at the user
    # set with every fact about the user, by triggers: what experiments count of the user is to be counted again
    untallied = models.BooleanField(default=False, db_default=False)

    class Meta:
        indexes = [
            models.Index(
                fields=["mark"], condition=models.Q(mark__isnull=False), name="recommendations_marked"
            ),
            models.Index(
                fields=["user_id"], condition=models.Q(untallied=True), name="recommendations_untallied"
            ),
        ]
        default_permissions = ()

    def __str__(self) -> str:
        return f"user {self.user_id}"


class Preferences(models.Model):
    """The genre preferences that a user was given, once; only recommendations/preferences.py writes them."""

    user_id = models.BigIntegerField(primary_key=True)
    weights: models.Field = ArrayField(models.SmallIntegerField())  # as in a movie's profile
    given_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "preferences"
        default_permissions = ()

    def __str__(self) -> str:
        return f"preferences of user {self.user_id}"


class FirstFinishes(models.Model):
    """A user's first finishes, as soon as there are 5: the fixed preferences of a user who was given none.

    Written by recommendations/preferences.py. The profiles are those of the day on which they were stored, so that
    neither an edit of a movie nor a dropped month of views changes them.
    """

    user_id = models.BigIntegerField(primary_key=True)
    # three parallel arrays, in the order of time, then movie id; a profile is 15 weights
    movie_ids: models.Field = ArrayField(models.BigIntegerField())
    finished_at: models.Field = ArrayField(models.DateTimeField())
    profiles: models.Field = ArrayField(models.SmallIntegerField())

    class Meta:
        verbose_name_plural = "first finishes"
        default_permissions = ()

    def __str__(self) -> str:
        return f"first finishes of user {self.user_id}"


class Start(models.Model):
    """When a user first watched a movie: the least time of all events about it. Written by experiments/starts.py."""

    pk = models.CompositePrimaryKey("user_id", "movie_id")
    user_id = models.BigIntegerField()
    movie_id = models.BigIntegerField()
    started_at = models.DateTimeField()
    # what the sister service said about that event; null if it said nothing
    is_rec = models.BooleanField(null=True)
    group_id: models.Field = models.TextField(null=True)  # noqa: DJ001 (null, as `is_rec` is)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"user {self.user_id} started movie {self.movie_id} at {self.started_at:%Y-%m-%d %H:%M:%S}"


class Rater(models.Model):
    """A user of whom an event with a rating is known, and its least time. Written by experiments/starts.py."""

    user_id = models.BigIntegerField(primary_key=True)
    rated_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"user {self.user_id} rates movies"


class ListRead(models.Model):
    """The first read of a list by its user, partitioned by month of `made_at`. Written by experiments/read_log.py."""

    pk = models.CompositePrimaryKey("user_id", "made_at")
    user_id = models.BigIntegerField()
    made_at = models.DateTimeField()  # as of when the list was made or sent
    read_at = models.DateTimeField()  # in whole milliseconds
    made_by = models.TextField()  # bus, generated, or our strategy
    experiment = models.BigIntegerField(null=True)  # that the list was made for
    arm: models.Field = models.TextField(null=True)  # noqa: DJ001 (null, as `experiment` is)
    # what was shown, best first, and what the other arm would have shown
    movies: models.Field = ArrayField(models.BigIntegerField())
    other: models.Field = ArrayField(models.BigIntegerField(), null=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"user {self.user_id} read the list of {self.made_at:%Y-%m-%d %H:%M:%S}"


class LostReads(models.Model):
    """Reads that could not be logged on a (UTC) day, and the seconds in which that happened."""

    day = models.DateField(primary_key=True)
    reads = models.PositiveBigIntegerField()
    seconds = models.PositiveBigIntegerField()

    class Meta:
        verbose_name_plural = "lost reads"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.reads} lost reads on {self.day}"


class Experiment(models.Model):
    """An experiment. The database refuses to change its plan once it was started. experiments/lifecycle.py"""

    name = models.SlugField(max_length=60, unique=True)
    plan = models.JSONField()  # experiments/plan.py
    plan_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.CharField(max_length=200)
    started_at = models.DateTimeField(null=True)
    started_by = models.CharField(max_length=200, default="", db_default="")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=200, default="", db_default="")
    certificate = models.JSONField(null=True)  # of the last A/A runs

    class Meta:
        ordering = ["-id"]
        permissions = [("run_experiment", "Can start and stop experiments")]

    def __str__(self) -> str:
        return self.name


class ExperimentUser(models.Model):
    """A user that read a list while the experiment ran. Counted from the facts by experiments/tally.py."""

    pk = models.CompositePrimaryKey("experiment_id", "user_id")
    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="users", db_index=False)
    user_id = models.BigIntegerField()
    # null unless the user is exposed
    arm: models.Field = models.TextField(null=True)  # noqa: DJ001
    exposed_at = models.DateTimeField(null=True)
    left_out = models.TextField(default="")  # why the user is not exposed
    arms = models.PositiveSmallIntegerField()  # different ones whose lists the user read
    before = models.PositiveIntegerField()  # finishes in the 14 days before the exposure
    first_read_at = models.DateTimeField()
    lists = models.PositiveIntegerField()  # read while the experiment ran
    bus_lists = models.PositiveIntegerField()  # those of the bus

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"user {self.user_id} in {self.experiment_id}: {self.arm or self.left_out}"


class ExperimentDay(models.Model):
    """What an exposed user did in the 24 hours that begin `day` days after the exposure. experiments/tally.py"""

    pk = models.CompositePrimaryKey("experiment_id", "user_id", "day")
    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="days", db_index=False)
    user_id = models.BigIntegerField()
    day = models.PositiveIntegerField()
    finishes = models.PositiveIntegerField()
    recommended = models.PositiveIntegerField()  # finishes of movies started from the arm's list
    shadow = models.PositiveIntegerField()  # those that were on the other arm's list, too
    new_movies = models.PositiveIntegerField()  # finishes of movies that the user had not finished before
    starts = models.PositiveIntegerField()
    recommended_starts = models.PositiveIntegerField()
    abandoned = models.PositiveIntegerField()  # starts of movies that the user never finished
    lists = models.PositiveIntegerField()  # of the experiment, read for the first time
    age_seconds = models.FloatField()  # of those lists when they were read, in all
    rec_known = (
        models.PositiveIntegerField()
    )  # starts of which the sister service said whether they were recommended
    rec_disagree = models.PositiveIntegerField()  # and said otherwise than we do
    group_disagree = models.PositiveIntegerField()  # starts of which it named another group

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"user {self.user_id} in {self.experiment_id} on day {self.day}"
