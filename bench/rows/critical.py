"""A critical one behind a backlog of normal ones, at a slow provider.

The provider takes 100 ms for each of 16 at once, so the backlog would keep it
busy for long; the time is from the request to the provider's call."""

from rig import Result, median, now_us
from server import Belfry, batch_body, request, send_body

BATCH = 1000
MARK = ' (critical)'
PROBES = 5


def round_of(r, s, sink):
    asking = request('POST', '/v1/notifications',
                     send_body('webhook', mark=MARK, priority='critical'))
    times = []
    for _ in range(PROBES):
        began_us = now_us()
        r.load(s, asking, '-n', 1)
        times.append((sink.answer()['at_us'] - began_us) / 1000)
    return max(times)


def on(r, database, row):
    n = r.size.backlog
    sink = r.start('sink', '-d', 100, '-m', MARK)
    s = Belfry(r, row, database)
    s.provide('webhook', 'webhook',
              {'url': f"http://127.0.0.1:{sink.answer()['port']}/hook"},
              concurrency=16)
    cpu = s.cpu_us()
    r.load(s, request('POST', '/v1/notifications/batch',
                      batch_body(BATCH, 'webhook')), '-c', 4, '-n', n // BATCH)
    cpu = (s.cpu_us() - cpu) / n
    rounds = [round_of(r, s, sink) for _ in range(r.size.rounds)]
    r.end(s)
    r.end(sink)
    ms = median(rounds)
    return [Result(row, f'a critical one behind {n:,}', ms, 'ms',
                   goal='< 1 s', ok=ms < 1000, rounds=rounds,
                   notes=[f'the slowest of {PROBES} in each round; '
                          f'{cpu:.1f} µs of CPU each to accept the others'])]


def measure(r):
    return on(r, None, 'critical')
