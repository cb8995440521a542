"""What every address takes and gives, as an OpenAPI document: kept apart from the views, which stay thin."""
