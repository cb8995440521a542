"""The OpenAPI document: what no serializer can derive, kept apart from the views."""
