"""How a process of ours takes requests from the network: a gunicorn worker that lets no slow client hold a thread.

`intake` reads requests from bytes, `refusals` says what is answered before the application is asked, `connections`
what a connection waits for and until when, `turns` how many requests are computed at a time, `crew` is the threads;
`worker` joins them to gunicorn. docs/adr/0012 says why gunicorn's own thread worker is not enough.
"""
