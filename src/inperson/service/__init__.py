"""The service that a hiring platform's backend calls for each new interview (`inperson serve`, ``inperson[serve]``).

One process holds the HTTP interface, the queue (SQLite) and the audit log; every recording is analysed in a process of
its own. `docs/service.md` says how to run it; `docs/architecture.md` how its files hang together.
"""
