"""Tables about ingestion itself: metrics by minute, the log of messages, and the record of acts on dead letters."""

from django.db import models


class IngestMinute(models.Model):
    """Metrics of one queue in one minute; exact, because written in the transaction that applies the messages."""

    pk = models.CompositePrimaryKey("minute", "queue")
    minute = models.DateTimeField()
    queue = models.CharField(max_length=80)  # the longest queue name that SQS allows
    messages = models.PositiveIntegerField(default=0)
    events = models.PositiveIntegerField(default=0)
    views = models.PositiveIntegerField(default=0)  # new ones; a repeated finish is not counted
    skipped = models.PositiveIntegerField(default=0)  # events about movies that do not exist
    poison = models.PositiveIntegerField(default=0)  # dead-lettered messages
    slowest_ms = models.PositiveBigIntegerField(
        default=0
    )  # the highest ingest latency, from sending to commit

    def __str__(self) -> str:
        return f"{self.queue} at {self.minute:%Y-%m-%d %H:%M}: {self.messages} messages"


class RecordedMessages(models.Model):
    """Messages of one queue with what became of them, as one process recorded them in a second or two."""

    queue = models.CharField(max_length=80)
    messages = models.PositiveIntegerField()  # how many
    records = models.BinaryField()  # see message_log/record.py

    class Meta:
        default_permissions = ()  # those who may see users may see this
        indexes = [models.Index(fields=["queue", "-id"], name="recorded_by_queue")]
        verbose_name = verbose_name_plural = "messages"

    def __str__(self) -> str:
        return f"{self.messages} messages of {self.queue}"


class DeadLetterAct(models.Model):
    """The record of a redriven or discarded dead letter; written before the message is touched."""

    class Act(models.TextChoices):
        """The kinds of action."""

        REDRIVEN = "redriven", "redriven"
        DISCARDED = "discarded", "discarded"

    queue = models.CharField(max_length=80)  # that the message was sent to
    message_id = models.CharField(max_length=100)  # in the dead-letter queue
    act = models.CharField(max_length=10, choices=Act)
    actor = models.CharField(max_length=200)
    reason = models.TextField(blank=True)  # why it was dead-lettered
    body = models.TextField()
    edited_body = models.TextField(blank=True, db_default="")  # that was redriven instead of `body`
    sent_at = models.DateTimeField()
    at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(
        null=True
    )  # null: interrupted, or refused by SQS; the message may still be there
    # a discarded message that is in the dead-letter queue once more
    undone_at = models.DateTimeField(null=True)
    undone_by = models.CharField(max_length=200, blank=True, db_default="")

    class Meta:
        ordering = ["-id"]
        verbose_name = "act on a dead letter"
        verbose_name_plural = "dead letters"
        permissions = [("handle_dead_letters", "Can put dead letters back or discard them")]

    def __str__(self) -> str:
        return f"{self.message_id} of {self.queue} {self.act} by {self.actor}"
