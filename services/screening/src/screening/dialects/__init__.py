"""EHR dialects: what an EHR bends, straightened at the edges. One table, and functions for what leaves us.

Reading is tolerant for everybody (`fhir`, `messages`): there is no switch per EHR for what comes in.
"""
