"""A movie as Elasticsearch knows it: what finds it, and what it is filtered and put in order by."""

from typing import Any

from django_elasticsearch_dsl import Document, fields  # type: ignore[import-untyped]
from django_elasticsearch_dsl.registries import registry  # type: ignore[import-untyped]

from movies.genres import GENRES
from movies.models import Movie

INDICES = "tetraflix-movies"  # every index of movies is named INDICES-...
# Leads to the index in use; indices are named ALIAS-<time of their making>. Another form of documents gets another
# alias: PostgreSQL answers until a rebuild has made an index of that form.
ALIAS = f"{INDICES}-by-terms"


@registry.register_document
class MovieDocument(Document):
    """One movie. A deleted one stays, marked, until the next rebuild: an older version cannot come back."""

    title = fields.TextField(index=False)  # for those who look at the index
    # made by the database, so that both engines know the same words: see movies.search.title_words.terms_of
    terms = fields.KeywordField(multi=True)
    genres = fields.KeywordField(multi=True)
    hidden = fields.BooleanField()
    deleted = fields.BooleanField()
    views = fields.LongField()  # as of when it was last indexed: breaks ties
    id = fields.LongField()

    class Index:
        name = ALIAS
        settings = {"number_of_shards": 1, "auto_expand_replicas": "0-1", "refresh_interval": "1s"}

    class Django:
        model = Movie
        ignore_signals = True

    def prepare_genres(self, movie: Movie) -> list[str]:
        return [genre for genre, weight in zip(GENRES, movie.profile, strict=True) if weight]

    def prepare_terms(self, movie: Movie) -> list[str]:
        return getattr(movie, "terms", [])

    def prepare_deleted(self, movie: Movie) -> bool:
        return getattr(movie, "deleted", False)

    def prepare_views(self, movie: Movie) -> int:
        return getattr(movie, "views", 0)

    def action(self, movie: Movie, index: str) -> dict[str, Any]:
        """For a bulk request: nothing happens where a newer version of the movie is there already."""
        return {
            "_op_type": "index",
            "_index": index,
            "_id": str(movie.id),
            "_source": self.prepare(movie),
            "version": movie.version,
            "version_type": "external_gte",  # the same version again: its views may have changed
        }
