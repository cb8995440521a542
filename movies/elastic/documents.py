"""A movie as Elasticsearch knows it: the fields that are searched, and how their words are cut."""

from typing import Any

from django_elasticsearch_dsl import Document, fields  # type: ignore[import-untyped]
from django_elasticsearch_dsl.registries import registry  # type: ignore[import-untyped]
from elasticsearch.dsl import analyzer, normalizer, token_filter

from movies.genres import GENRES
from movies.models import Movie

ALIAS = "tetraflix-movies"  # leads to the index in use; indices are named ALIAS-<time of their making>

plain = analyzer("plain", tokenizer="standard", filter=["lowercase", "asciifolding"])
# "lor" finds "lord": the beginnings of each word, made when a title is indexed and not when it is searched
beginnings = analyzer(
    "beginnings",
    tokenizer="standard",
    filter=["lowercase", "asciifolding", token_filter("starts", "edge_ngram", min_gram=1, max_gram=15)],
)
same = normalizer("same", filter=["lowercase", "asciifolding"])


@registry.register_document
class MovieDocument(Document):
    """One movie. A deleted one stays, marked, until the next rebuild: an older version cannot come back."""

    title = fields.TextField(
        analyzer=plain,
        fields={
            "whole": fields.KeywordField(normalizer=same),
            "begun": fields.TextField(analyzer=beginnings, search_analyzer=plain),
        },
    )
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


MovieDocument._index.analyzer(plain)
MovieDocument._index.analyzer(beginnings)
