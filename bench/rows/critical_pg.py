"""As `critical`, on PostgreSQL."""

from databases import Postgres
from rows import critical


def measure(r):
    database = Postgres(r)
    results = critical.on(r, database.fresh(), 'critical_pg')
    r.end(database)
    return results
