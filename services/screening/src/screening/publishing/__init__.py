"""The rules as FHIR R4 resources that others can read and load: `/fhir`.

`reads` finds what a rule reads, `definitions` says a rule as PlanDefinition and Library, `shelf` holds every resource
and searches them, `views` answers. Nothing here decides anything about a patient.
"""
