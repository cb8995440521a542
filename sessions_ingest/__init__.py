"""Messages of the sister services, from SQS and over HTTP: parsed, applied in batches, dead-lettered."""
