"""The tables of the inventory, views, popularity, the outbox, bulk jobs, leases and failures.

Triggers (migration 0002) write the versions, the history and the outbox.
"""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from movies.profiles import MAX_TITLE_LENGTH


class Movie(models.Model):
    """One movie of the inventory. Every UPDATE is a change of inventory, so views are counted in ViewCount."""

    title = models.CharField(max_length=MAX_TITLE_LENGTH)
    # 15 weights in the order of movies.genres.GENRES; the database checks that they are a profile
    profile: models.Field = ArrayField(models.PositiveSmallIntegerField(), size=15)
    hidden = models.BooleanField(default=False, db_default=False)
    # set by the database: raised by one with every change, and never used twice, not even by a re-created id
    version = models.PositiveIntegerField(default=1, db_default=1, editable=False)
    created = models.DateTimeField(db_default=Now(), editable=False)
    updated = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["id"]
        permissions = [
            ("import_movies", "Can import movies from a file"),
            ("revert_batch", "Can revert changes of movies"),
        ]

    def __str__(self) -> str:
        return self.title


class ViewCount(models.Model):
    """How often a movie was finished. Outlives the movie, so that a reverted deletion has its views back."""

    movie = models.OneToOneField(
        Movie, on_delete=models.DO_NOTHING, primary_key=True, db_constraint=False, related_name="viewcount"
    )
    views = models.PositiveBigIntegerField(default=0, db_default=0)
    # the sum of the views' weights (viewing/recency.py): whole numbers of 50 digits, and more with a short half-life
    recent = models.DecimalField(max_digits=1000, decimal_places=0, default=0, db_default=0)

    class Meta:
        indexes = [models.Index(fields=["-views", "movie"], name="movies_most_viewed")]

    def __str__(self) -> str:
        return f"{self.views} views of movie {self.movie_id}"


class Recency(models.Model):
    """The half-life that `ViewCount.recent` was counted with, in one row; no row: it has to be counted."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    half_life_days = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"half-life of {self.half_life_days} days"


class View(models.Model):
    """One finished watch of one movie by one user, unique so that it counts once. Partitioned by month."""

    pk = models.CompositePrimaryKey("user_id", "movie_id", "watched_at")
    user_id = models.BigIntegerField()
    movie_id = models.BigIntegerField()
    watched_at = models.DateTimeField()  # as stated by the event
    # orders the view if watched_at is later than the sending of the message
    effective_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"user {self.user_id} finished movie {self.movie_id} at {self.watched_at:%Y-%m-%d %H:%M:%S}"


class GenreViews(models.Model):
    """Views of a genre on a day (UTC), in hundredths: each view adds its movie's weight in the genre."""

    pk = models.CompositePrimaryKey("day", "genre")
    day = models.DateField()
    genre = models.CharField(max_length=20)
    weight = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.weight / 100:.2f} views of {self.genre} on {self.day}"


class PopularList(models.Model):
    """The most popular visible movies of one genre ("" for all), best first, as of `refreshed_at`."""

    genre = models.CharField(max_length=20, primary_key=True)
    movie_ids: models.Field = ArrayField(models.BigIntegerField())
    refreshed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.genre or "overall"


class Inventory(models.Model):
    """One row with the id of the last change. Every change of movies locks it, so change ids commit in order.

    A refresh of the popularity lists rewrites the row unchanged: version and xmin validate the popular cache.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    version = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"inventory at change {self.version}"


class MovieChange(models.Model):
    """One committed change of one movie: an entry of the history, the outbox and the caches' log at once."""

    class Action(models.TextChoices):
        """The action in the message; hiding counts as deleted, showing again as added."""

        ADDED = "added"
        UPDATED = "updated"
        DELETED = "deleted"

    movie_id = models.BigIntegerField()
    version = models.PositiveIntegerField()
    action = models.CharField(max_length=10, choices=Action)
    # {"title", "profile", "hidden"}; null before an insert and after a delete
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    actor = models.CharField(max_length=200, default="", db_default="")
    batch = models.UUIDField(null=True)  # all changes of one bulk action or import
    request_id = models.CharField(
        max_length=100, default="", db_default=""
    )  # of the HTTP request, as in the logs
    at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)  # when SQS accepted it

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["movie_id", "version"], name="movies_change_once_a_version"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(sent_at=None), name="movies_change_unsent"),
            models.Index(
                fields=["batch"], condition=models.Q(batch__isnull=False), name="movies_change_batch"
            ),
            models.Index(fields=["at"], name="movies_change_at"),
        ]

    def __str__(self) -> str:
        return f"movie {self.movie_id} version {self.version} {self.action}"


class HistoryEntry(models.Model):
    """A line of the history: a batch, or a change without one. A trigger (migration 0013) writes it."""

    id = models.BigIntegerField(primary_key=True)  # of its first change
    at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    kind = models.CharField(max_length=10)  # a key of movies.inventory.history_entries.VERBS
    movies = models.PositiveIntegerField()  # how many were changed
    added = models.PositiveIntegerField()  # how many of them were added, so that reverting deletes them
    movie_id = models.BigIntegerField(null=True)  # if it is one
    batch = models.UUIDField(null=True, unique=True)
    about = models.TextField()  # the selection or the reverted change in words, or the imported file
    reverts = models.UUIDField(null=True)  # the reverted batch
    reverts_from = models.PositiveIntegerField(null=True)  # the first reverted version of the one movie

    def __str__(self) -> str:
        return f"{self.actor}: {self.kind} {self.movies}"


class RetiredId(models.Model):
    """The version at which the movie of an id was last deleted. A re-created movie continues from it.

    The row stays when a movie is re-created, so it does not say whether the movie exists.
    """

    movie_id = models.BigIntegerField(primary_key=True)
    version = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"movie {self.movie_id}, deleted at version {self.version}"


class Word(models.Model):
    """A word of titles, and how many titles have it: a candidate for correcting misspelt words."""

    word = models.TextField(primary_key=True, db_collation="C")
    titles = models.IntegerField()

    def __str__(self) -> str:
        return self.word


class Job(models.Model):
    """A bulk job of the worker, done completely or not at all. Its id is the batch of its changes."""

    class Kind(models.TextChoices):
        """What the job does."""

        IMPORT = "import"
        EXPORT = "export"
        HIDE = "hide"
        SHOW = "show"
        DELETE = "delete"
        REVERT = "revert"

    class State(models.TextChoices):
        """The progress of the job. A checked import is `ready` until a person confirms it."""

        CHECKING = "checking"
        READY = "ready"
        APPLYING = "applying"
        DONE = "done"
        FAILED = "failed"
        DROPPED = "dropped"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    kind = models.CharField(max_length=10, choices=Kind)
    state = models.CharField(max_length=10, choices=State)
    actor = models.CharField(max_length=200)
    request = models.JSONField(default=dict)  # which movies, which file, which batch
    done = models.PositiveBigIntegerField(default=0)  # of `total`, in movies (checking: in bytes of the file)
    total = models.PositiveBigIntegerField(default=0)
    result = models.JSONField(default=dict)  # numbers and errors
    tries = models.PositiveSmallIntegerField(default=0, db_default=0)  # started in this state
    next_try = models.DateTimeField(db_default=Now())  # not started (again) before
    created = models.DateTimeField(db_default=Now())
    updated = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(
                fields=["created"],
                condition=models.Q(state__in=["checking", "applying"]),
                name="movies_job_under_way",
            ),
            models.Index(fields=["-created"], name="movies_job_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.actor}: {self.state}"


class JobChunk(models.Model):
    """A part of a job's file, in the database because web server and worker may be on different machines."""

    pk = models.CompositePrimaryKey("job_id", "number")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="chunks", db_index=False)
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    def __str__(self) -> str:
        return f"chunk {self.number} of {self.job_id}"


class ImportRow(models.Model):
    """A valid row of an import, until it is applied."""

    pk = models.CompositePrimaryKey("job_id", "line")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="rows", db_index=False)
    line = models.PositiveIntegerField()  # of the file
    movie_id = models.BigIntegerField(null=True)  # null: a new movie, under the next id
    title = models.TextField()
    profile: models.Field = ArrayField(models.PositiveSmallIntegerField(), size=15)
    hidden = models.BooleanField(null=True)  # null: as it is
    kind = models.CharField(max_length=10, db_default="")  # what it does: new, changed, unchanged

    def __str__(self) -> str:
        return f"line {self.line} of {self.job_id}"


class Lease(models.Model):
    """The process that holds the exclusive right to some work, and until when (leases.py)."""

    name = models.CharField(max_length=100, primary_key=True)
    owner = models.UUIDField()
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} until {self.expires_at:%Y-%m-%d %H:%M:%S}"


class Failure(models.Model):
    """Work that fails at present and is retried (retries.py). Success deletes the row."""

    name = models.CharField(max_length=100, primary_key=True)
    times = models.PositiveIntegerField()  # in a row
    since = models.DateTimeField()
    error = models.TextField()
    next_try = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} since {self.since:%Y-%m-%d %H:%M:%S}: {self.error}"
