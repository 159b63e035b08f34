"""Fifty workspaces that send a little, beside the burst of another.

All the burst is accepted as fast as it goes and waits for a provider that
takes 10 ms for each of 64 at once; the others have providers of their own
that answer at once. Beside it: the same trickle alone."""

from databases import Postgres
from rig import Result
from server import Belfry, batch_body, request
from tenants import Trickle, told

BATCH = 1000
TENANTS = 50
RATE = 75  # a second, of all of them together


def burst(r, s, n):
    return r.start('load', '-p', s.port, '-c', 4, '-n', n // BATCH, '-r',
                   r.file('burst', request('POST', '/v1/notifications/batch',
                                           batch_body(BATCH, 'webhook'))))


def costs(s, database):
    return s.cpu_us(), database.cpu_us(), s.ended()


def measure(r):
    n, alone_s = r.size.burst, r.size.seconds(30)
    database = Postgres(r)
    slow, fast = r.start('sink', '-d', 10), r.start('sink')
    s = Belfry(r, 'fairness', database.fresh())
    s.provide('webhook', 'webhook',
              {'url': f"http://127.0.0.1:{slow.answer()['port']}/hook"})
    trickle = Trickle(r, s, database, TENANTS, fast.answer()['port'])
    trickle.measure(RATE, 2)
    alone = trickle.measure(RATE, alone_s)

    before = costs(s, database)
    running = trickle.start(RATE)
    accepted = burst(r, s, n).answer()
    filling = trickle.stop(running, 120)
    own, its, delivered = (b - a for a, b in zip(before, costs(s, database)))
    draining = trickle.measure(RATE, alone_s)
    for what in (s, slow, fast, database):
        r.end(what)
    took_s = accepted['took_us'] / 1e6
    return [
        Result('fairness', f'trickle beside {n:,} coming in, p99',
               filling['p99'], 'ms', alone['p99'], 'alone', '< 2 s',
               filling['p99'] < 2000,
               [told('alone', alone), told('meanwhile', filling),
                f'the burst: {n / took_s:,.0f}/s for {took_s:.0f} s, '
                f'{accepted["refused"]} batches refused, {delivered:,} '
                'delivered meanwhile',
                f'{own / n:.1f} µs of CPU for each that came, and '
                f'{its / n:.1f} in the database'], [alone, filling]),
        Result('fairness', '  beside what is left of it, p99',
               draining['p99'], 'ms', alone['p99'], 'alone', '< 2 s',
               draining['p99'] < 2000, [told('meanwhile', draining)],
               [draining]),
    ]
