"""Real servers for the tests that run on Java, from Maven Central."""
