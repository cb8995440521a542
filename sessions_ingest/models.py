"""What is kept about ingestion itself: how much came in, by minute."""

from django.db import models


class IngestMinute(models.Model):
    """What one queue brought in one minute; written in the transaction that applied it, so it is exact."""

    pk = models.CompositePrimaryKey("minute", "queue")
    minute = models.DateTimeField()
    queue = models.CharField(max_length=80)  # as long as SQS lets a queue's name be
    messages = models.PositiveIntegerField(default=0)
    events = models.PositiveIntegerField(default=0)
    views = models.PositiveIntegerField(default=0)  # counted for the first time
    skipped = models.PositiveIntegerField(default=0)  # events about movies that do not exist
    poison = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.queue} at {self.minute:%Y-%m-%d %H:%M}: {self.messages} messages"
