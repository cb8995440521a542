"""The inventory over HTTP: reads for clients, writes for distributors."""
