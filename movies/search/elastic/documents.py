"""The Elasticsearch document of a movie: its search terms, and the fields that filter and sort."""

from typing import Any

from django_elasticsearch_dsl import Document, fields  # type: ignore[import-untyped]
from django_elasticsearch_dsl.registries import registry  # type: ignore[import-untyped]

from movies.genres import GENRES
from movies.models import Movie

INDICES = "tetraflix-movies"  # prefix of the names of all indices of movies
# Points to the index in use; an index is named ALIAS-<time of creation>. A new form of documents gets a new alias:
# PostgreSQL answers searches until a rebuild has created an index of that form.
ALIAS = f"{INDICES}-by-terms"


@registry.register_document
class MovieDocument(Document):
    """One movie. A deleted one stays, marked, until the next rebuild, so that no older version replaces it."""

    title = fields.TextField(index=False)  # for people who inspect the index
    # computed by the database (title_words.terms_of), so that both engines match the same words
    terms = fields.KeywordField(multi=True)
    genres = fields.KeywordField(multi=True)
    hidden = fields.BooleanField()
    deleted = fields.BooleanField()
    views = fields.LongField()  # when it was last indexed; breaks ties
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
        """The action of a bulk request; Elasticsearch ignores it if it has a newer version of the movie."""
        return {
            "_op_type": "index",
            "_index": index,
            "_id": str(movie.id),
            "_source": self.prepare(movie),
            "version": movie.version,
            "version_type": "external_gte",  # accepts the same version again, because its views may have changed
        }
