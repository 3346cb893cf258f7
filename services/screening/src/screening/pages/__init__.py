"""Pages that say what this service does; the gateway only passes them on."""
