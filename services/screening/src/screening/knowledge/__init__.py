"""What the rules know by code: reviewed codes, the FHIR value sets made from them, and the code book they fill.

`reviewed/` is edited by people; `valuesets/` is written by `python -m screening.knowledge.build` and never by hand;
`codesystems/` holds the few codes that this project defines itself, `conceptmaps/` what codes of others mean in them.
`loading` reads them at start.
"""
