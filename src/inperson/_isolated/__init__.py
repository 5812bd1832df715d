"""Confined processes (`inperson.isolation`): the supervisor, its workers, and what one recording's process may do."""
