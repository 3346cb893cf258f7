"""`make faults`: whatever goes wrong around the services, the right thing is said, and all is well again by itself."""
