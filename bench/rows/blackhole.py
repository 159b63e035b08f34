"""Ten healthy providers beside one whose address swallows connections.

Nobody answers at that address: the first connections are taken by the system
and never served, the others do not come about. A backlog waits for it; each
call ends after 2 s. Beside it: the same trickle before there was a backlog."""

import socket
import time

from databases import Postgres
from rig import Result
from server import Belfry, batch_body, request
from tenants import Trickle, told

BATCH = 1000
BACKLOG = 100_000
TENANTS = 10
RATE = 40  # a second, of all of them together


def fill(r, s, n):
    r.load(s, request('POST', '/v1/notifications/batch',
                      batch_body(BATCH, 'webhook')), '-c', 4, '-n', n // BATCH)


def measure(r):
    n, seconds = r.size.of(BACKLOG), r.size.seconds(60)
    database = Postgres(r)
    sink = r.start('sink')
    s = Belfry(r, 'blackhole', database.fresh())
    trickle = Trickle(r, s, database, TENANTS, sink.answer()['port'])
    with socket.socket() as hole:
        hole.bind(('127.0.0.1', 0))
        hole.listen(1)
        s.provide('webhook', 'webhook', {
            'url': f'http://127.0.0.1:{hole.getsockname()[1]}/hook'},
            timeout='2s')
        trickle.measure(RATE, 2)
        before = trickle.measure(RATE, seconds)
        fill(r, s, n)
        own, its, began = s.cpu_us(), database.cpu_us(), time.monotonic()
        during = trickle.measure(RATE, seconds)
        took_us = (time.monotonic() - began) * 1e6
        own, its = s.cpu_us() - own, database.cpu_us() - its
        calls = database.ask('SELECT count(*) AS n FROM attempt',
                             database='bench')[0]['n']
        r.end(s)
    r.end(sink)
    r.end(database)
    most = 1.5 * before['p99'] + 5
    return [Result(
        'blackhole', f'beside {n:,} for a black hole, p99', during['p99'],
        'ms', before['p99'], 'before', '≤ 1.5 of it + 5 ms',
        during['p99'] <= most,
        [told('before', before), told('during', during),
         f'{int(calls):,} calls into the hole; {own / took_us:.1%} of a '
         f'processor, and {its / took_us:.1%} in the database'],
        [before, during])]
