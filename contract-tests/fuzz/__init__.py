"""Property-based fuzzing of the public door, from the OpenAPI document that the gateway serves."""
