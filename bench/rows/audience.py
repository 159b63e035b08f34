"""A topic of a million users, planned, on both databases.

From the answer to the request until each of them has a delivery, which then
waits for a provider that takes its time: planning alone, in the background, a
chunk at a time. Memory is what the server grew by while it planned."""

import json
import time

from databases import Postgres
from rig import Failed, Result, median, memory_kib
from server import Belfry, request

BULK = 1000
GOAL = 20000
GROWTH_MIB = 50
WITHIN_S = 600


def subscribe(r, s, n):
    """Users with an address, and all of them subscribed."""
    for at in range(0, n, BULK):
        ids = range(at, min(at + BULK, n))
        s.ask('POST', '/v1/users/bulk', {'users': [
            {'id': f'u{i}', 'email': f'u{i}@example.com'} for i in ids]})
        s.ask('POST', '/v1/topics/everybody/subscribers',
              {'add': [f'u{i}' for i in ids]})


def planned(s, sent):
    return sum(json.loads(s.ask('GET', f'/v1/notifications/{sent}'))
               ['counts'].values())


def plan(s, n):
    """Seconds, MiB, µs of CPU each."""
    memory, cpu, began = memory_kib(s.pid)[0], s.cpu_us(), time.monotonic()
    most = memory
    sent = json.loads(s.ask('POST', '/v1/notifications', {
        'to': {'topics': ['everybody']}, 'channels': ['email'],
        'title': 'News', 'body': 'Something for all of you.'}))['id']
    while planned(s, sent) < n:
        if time.monotonic() - began > WITHIN_S:
            raise Failed(f'{planned(s, sent)} of {n} planned')
        most = max(most, memory_kib(s.pid)[0])
        time.sleep(0.1)
    took = time.monotonic() - began
    s.ask('POST', f'/v1/notifications/{sent}/cancel')
    return took, (most - memory) / 1024, (s.cpu_us() - cpu) / n


def result(r, s, where):
    n = r.size.of(1_000_000)
    s.provide('email', 'null', {'latency': '10s'}, concurrency=1)
    subscribe(r, s, n)
    rounds = [plan(s, n) for _ in range(r.size.rounds)]
    rate = n / median([took for took, _, _ in rounds])
    grown = max(grown for _, grown, _ in rounds)
    return Result('audience', f'topic of {n:,}, {where}', rate, '/s', None, '',
                  f'≥ {GOAL:,}, < {GROWTH_MIB} MiB',
                  rate >= GOAL and grown < GROWTH_MIB,
                  [f'{median([cpu for _, _, cpu in rounds]):.1f} µs of CPU '
                   f'each; memory grew by {grown:.1f} MiB'], [rounds])


def measure(r):
    s = Belfry(r, 'audience')
    results = [result(r, s, 'SQLite')]
    r.end(s)
    database = Postgres(r)
    s = Belfry(r, 'audience', database.fresh())
    results.append(result(r, s, 'PostgreSQL'))
    r.end(s)
    r.end(database)
    return results
