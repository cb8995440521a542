"""What the apps announce to whoever listens, without knowing who does."""

from django.dispatch import Signal

# After each committed change of the inventory: the change feed has something to send.
inventory_changed = Signal()

# Something that clients or sister services did, for analytics. sender: the kind ("user-data", "genre-data",
# "session-data", "recs-data"); who: the user id or genre; movies: how many; at: when; for session-data also
# progress: of each event, and viewed: the movies whose views it counted.
# Send only when it has listeners, and never in a transaction that may still fail.
activity = Signal()

# After a bulk job was put down that the worker is to do.
job_waits = Signal()
