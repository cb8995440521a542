"""Running the service: settings, access, health, observability, background work, pages and embedded servers."""
