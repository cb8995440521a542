"""The OpenAPI document: operations are described here, bodies and answers by the serializers of each package."""
