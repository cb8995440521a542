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
    slowest_ms = models.PositiveBigIntegerField(
        default=0
    )  # the longest way of a message from sender to commit

    def __str__(self) -> str:
        return f"{self.queue} at {self.minute:%Y-%m-%d %H:%M}: {self.messages} messages"


class DeadLetterAct(models.Model):
    """What somebody did about a message that had been put aside; written before the message is touched."""

    class Act(models.TextChoices):
        """What was done."""

        REDRIVEN = "redriven", "put back into its queue"
        DISCARDED = "discarded", "discarded"

    queue = models.CharField(max_length=80)  # that the message was meant for
    message_id = models.CharField(max_length=100)  # in the dead-letter queue
    act = models.CharField(max_length=10, choices=Act)
    actor = models.CharField(max_length=200)
    reason = models.TextField(blank=True)  # why it had been put aside
    body = models.TextField()
    sent_at = models.DateTimeField()
    at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True)  # null: broken off, or refused; the message may be there still

    class Meta:
        ordering = ["-id"]
        verbose_name = "act on a dead letter"
        verbose_name_plural = "dead letters"
        permissions = [("handle_dead_letters", "Can put dead letters back or discard them")]

    def __str__(self) -> str:
        return f"{self.message_id} of {self.queue} {self.act} by {self.actor}"
