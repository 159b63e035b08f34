"""The full cycle on PostgreSQL, beside a bare libpq loop of the same SQL.

Both on the same tuned server, each on a database of its own. The loop leaves
out HTTP, keys, JSON, plans and lanes; `lease` is the same with a lease on each
row in place of an owner for the lane."""

import json

from databases import Postgres
from rig import Result, median
from rows import cycle, growth
from server import Belfry


def costs(database, n, work):
    """What `work` answers, with the database's CPU and log for each of n."""
    cpu, written = database.cpu_us(), database.written()
    answer = work()
    return (answer, (database.cpu_us() - cpu) / n,
            (database.written() - written) / n)


def belfry(r, database, n):
    s = Belfry(r, 'postgres', database.fresh())
    s.provide('webhook', 'null', {}, concurrency=1024)
    own = s.cpu_us()
    rate, cpu, written = costs(database, n, lambda: growth.cycle(r, s, n))
    own = (s.cpu_us() - own) / n
    document = database.ask('SELECT doc FROM notification LIMIT 1',
                            database='bench')[0]['doc']
    r.end(s)
    return {'rate': rate, 'own': own, 'database': cpu, 'written': written}, \
        document


def bare(r, database, n, document, mode):
    """On the schema that a server has just made."""
    url = database.fresh()
    r.end(Belfry(r, 'postgres', url))
    answer, cpu, written = costs(database, n, lambda: r.ask(
        'pg_loop', '-u', url, '-n', n, '-b', cycle.BATCH, '-r',
        r.file('document', document), mode))
    return {'rate': n * 1e6 / answer['took_us'],
            'own': answer['cpu_us'] / n, 'database': cpu, 'written': written}


def middle(rounds, key):
    return median([one[key] for one in rounds])


def line(name, rounds):
    return (f"{name}: {middle(rounds, 'own'):.1f} µs of CPU each and "
            f"{middle(rounds, 'database'):.1f} in the database, "
            f"{middle(rounds, 'written'):,.0f} bytes of log")


def measure(r):
    n = r.size.of(200_000)
    database = Postgres(r)
    ours, owner, lease = [], [], []
    for _ in range(r.size.rounds):
        one, document = belfry(r, database, n)
        ours.append(one)
        owner.append(bare(r, database, n, document, 'owner'))
        lease.append(bare(r, database, n, document, 'lease'))
    r.end(database)
    rate, loop = middle(ours, 'rate'), middle(owner, 'rate')
    return [
        Result('postgres', 'full cycle, batches of 1,000', rate, '/s', loop,
               'bare libpq', '≥ 0.8', rate >= 0.8 * loop,
               [line('Belfry', ours), line('the loop', owner)],
               [ours, owner]),
        Result('postgres', 'a lane with an owner', loop, '/s',
               middle(lease, 'rate'), 'a lease a row', '', None,
               [line('leases', lease)], [owner, lease]),
    ]
