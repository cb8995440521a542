"""The oracle of the experiment: simulated people, and a model that counts what they do, without the service."""
