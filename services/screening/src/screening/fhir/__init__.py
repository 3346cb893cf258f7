"""The only place that knows FHIR JSON: tolerant reading of what an EHR delivers, into a Chart."""
