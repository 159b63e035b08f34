"""A workflow with a million recipients who wait, on both databases.

From the answer to the request until each of them stands at a wait for an event
of theirs, and says so; then one event to one of them, until what follows is in
the inbox; then a cancel of all. Memory is what the server grew by meanwhile."""

import contextlib
import json
import sqlite3
import time

from databases import Postgres
from rig import Failed, Result, median, memory_kib
from rows.audience import subscribe
from server import Belfry

GOAL = 2000
GROWTH_MIB = 50
WITHIN_S = 1800
EVENTS = 20

STEPS = [{'type': 'wait', 'for_event': 'go', 'timeout': '30d',
          'then': [{'type': 'send', 'channels': ['in_app'], 'title': 'Went'}]}]

# Who has said that it waits is due in 30 days.
WAITING = ("SELECT count(*) AS n FROM work WHERE kind = 3 AND event = 'go' "
           'AND taken_until > ')


def waiting(s, database):
    if database:
        return int(database.ask(WAITING + "now() + interval '1 day'",
                                database='bench')[0]['n'])
    with contextlib.closing(sqlite3.connect(
            f'file:{s.database}?mode=ro', uri=True)) as db:
        return db.execute(WAITING + str(int(time.time() * 1000) + 86400000)
                          ).fetchone()[0]


def start_all(s, n, database):
    """The notification, seconds, MiB, µs of CPU each."""
    memory, cpu, began = memory_kib(s.pid)[0], s.cpu_us(), time.monotonic()
    most = memory
    sent = json.loads(s.ask('POST', '/v1/notifications', {
        'to': {'topics': ['everybody']}, 'workflow': 'wait',
        'data': {'order': 'A-100234'}}))['id']
    while waiting(s, database) < n:
        if time.monotonic() - began > WITHIN_S:
            raise Failed(f'{waiting(s, database)} of {n} wait')
        most = max(most, memory_kib(s.pid)[0])
        time.sleep(1)
    took = time.monotonic() - began
    return sent, took, (most - memory) / 1024, (s.cpu_us() - cpu) / n


def has_item(s, user):
    return json.loads(s.ask('GET', f'/v1/users/{user}/inbox'))['data']


def one_event(s, user):
    """Milliseconds until what follows can be read."""
    began = time.monotonic()
    s.ask('POST', '/v1/events', {'name': 'go', 'user': user})
    while not has_item(s, user):
        time.sleep(0.001)
    return (time.monotonic() - began) * 1000


def cancel_all(s, sent, database):
    """Seconds until the answer, and until nobody waits."""
    began = time.monotonic()
    s.ask('POST', f'/v1/notifications/{sent}/cancel')
    answered = time.monotonic() - began
    while waiting(s, database) > 0:
        time.sleep(0.1)
    return answered, time.monotonic() - began


def result(r, s, where, database=None):
    n = r.size.of(1_000_000)
    s.ask('PUT', '/v1/workflows/wait', {'steps': STEPS})
    subscribe(r, s, n)
    sent, took, grown, cpu = start_all(s, n, database)
    events = [one_event(s, f'u{n * i // EVENTS}') for i in range(EVENTS)]
    answered, gone = cancel_all(s, sent, database)
    return Result(
        'workflows', f'{n:,} who wait, {where}', n / took, '/s', None, '',
        f'≥ {GOAL:,}, < {GROWTH_MIB} MiB',
        n / took >= GOAL and grown < GROWTH_MIB,
        [f'{cpu:.1f} µs of CPU each; memory grew by {grown:.1f} MiB; one '
         f'event took {median(events):.1f} ms (at most {max(events):.1f}); a '
         f'cancel was answered after {answered:.1f} s, and over after '
         f'{gone:.1f} s'],
        [[took, grown, cpu, events, answered, gone]])


def measure(r):
    s = Belfry(r, 'workflows')
    results = [result(r, s, 'SQLite')]
    r.end(s)
    database = Postgres(r)
    s = Belfry(r, 'workflows', database.fresh())
    results.append(result(r, s, 'PostgreSQL', database))
    r.end(s)
    r.end(database)
    return results
