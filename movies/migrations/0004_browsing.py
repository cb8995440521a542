"""What the admin pages through: hidden movies in every order, and the orders that nothing else needs."""

from django.db import migrations

INDEXES = """
CREATE INDEX movies_hidden_by_id ON movies_movie (id) WHERE hidden;
CREATE INDEX movies_hidden_by_title ON movies_movie (movies_plain(title) COLLATE "C", id) WHERE hidden;
CREATE INDEX movies_hidden_by_created ON movies_movie (created, id) WHERE hidden;
CREATE INDEX movies_hidden_by_updated ON movies_movie (updated, id) WHERE hidden;
"""
UNDO = """
DROP INDEX movies_hidden_by_updated, movies_hidden_by_created, movies_hidden_by_title, movies_hidden_by_id;
"""


class Migration(migrations.Migration):
    dependencies = [("movies", "0003_search")]
    operations = [migrations.RunSQL(INDEXES, UNDO)]
