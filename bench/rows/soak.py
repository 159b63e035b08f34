"""Five minutes at three fifths of what the machine can do, on PostgreSQL.

One notification a request, delivered to nobody. What it can do is measured
first: as many as are accepted over 64 connections, until all are delivered.
Then they come by an open loop, and nothing may grow."""

import time

from databases import Postgres
from rig import Result, memory_kib
from server import Belfry, request, send_body
from tenants import slope

CONNECTIONS = 64
SHARE = 0.6
LOOK_S = 2

BACKLOG = 'SELECT (SELECT count(*) FROM ready)::int AS n'
DEAD = '''
SELECT relname AS name, n_dead_tup::int AS n FROM pg_stat_user_tables
WHERE relname IN ('ready', 'intent', 'lane', 'node', 'meta') ORDER BY 2 DESC'''
TIMES = '''
SELECT percentile_disc(ARRAY[0.5, 0.99, 1]) WITHIN GROUP (ORDER BY
(at_ms - created_ms)::int) AS p FROM ended WHERE created_ms >= {}'''


def sends():
    return request('POST', '/v1/notifications', send_body('webhook'))


def most(r, s, seconds):
    """A second, and how many that were."""
    a = r.load(s, sends(), '-c', CONNECTIONS, '-t', seconds)
    ended_us = s.wait_until_ended(a['requests'])
    return a['requests'] * 1e6 / (ended_us - a['began_us']), a['requests']


def watch(s, database, began, seconds):
    """Backlog and RSS by the time."""
    backlog, rss = [], []
    while (at := time.monotonic() - began) < seconds:
        backlog.append((at, database.ask(BACKLOG, database='bench')[0]['n']))
        rss.append((at, memory_kib(s.pid)[0]))
        time.sleep(min(LOOK_S, seconds / 4))
    return backlog, rss


def measure(r):
    seconds = r.size.seconds(300)
    database = Postgres(r)
    s = Belfry(r, 'soak', database.fresh())
    s.provide('webhook', 'null', {}, concurrency=1024)
    rate, before = most(r, s, r.size.seconds(10))
    own, its, written = s.cpu_us(), database.cpu_us(), database.written()
    began, began_ms = time.monotonic(), int(time.time() * 1000)
    tool = r.start('load', '-p', s.port, '-c', CONNECTIONS, '-t', seconds,
                   '-q', int(SHARE * rate), '-r', r.file('request', sends()))
    backlog, rss = watch(s, database, began, seconds)
    a = tool.answer()
    s.wait_until_ended(before + a['requests'])
    n = a['requests']
    own, its = (s.cpu_us() - own) / n, (database.cpu_us() - its) / n
    written = (database.written() - written) / n
    p50, p99, slowest = database.ask(TIMES.format(began_ms),
                                     database='bench')[0]['p']
    dead = ', '.join(f"{row['name']} {row['n']:,}" for row in
                     database.ask(DEAD, database='bench'))
    for what in (tool, s, database):
        r.end(what)
    accept_ms, grows = a['p99_us'] / 1000, slope(backlog)
    late = rss[len(rss) // 2:]
    return [
        Result('soak', f'{SHARE:.0%} of {rate:,.0f}/s for {seconds} s, '
               'answer p99', accept_ms, 'ms', goal='< 50 ms',
               ok=accept_ms < 50 and not a['refused'], rounds=[a], notes=[
                   f"p50 {a['p50_us'] / 1000:.2f} ms, slowest "
                   f"{a['max_us'] / 1000:.0f}; {n:,} sent, "
                   f"{a['refused']} refused",
                   f'{own:.1f} µs of CPU each and {its:.1f} in the database, '
                   f'{written:,.0f} bytes of log']),
        Result('soak', '  from acceptance to the call, p99', p99, 'ms',
               goal='< 1 s', ok=p99 < 1000,
               notes=[f'p50 {p50} ms, slowest {slowest}']),
        Result('soak', '  backlog grows by', grows, '/s',
               goal='≤ 0.01 of the rate', ok=grows <= 0.01 * SHARE * rate,
               rounds=backlog, notes=[
                   f'at most {max(n for _, n in backlog):,} waited, '
                   f'{backlog[-1][1]:,} in the end; dead rows: {dead}']),
        Result('soak', '  RSS in the second half grows by',
               60 * slope(late) / 1024, 'MiB/min', goal='< 1 MiB/min',
               ok=60 * slope(late) / 1024 < 1, rounds=rss, notes=[
                   f'from {rss[0][1] / 1024:.0f} to {rss[-1][1] / 1024:.0f} '
                   'MiB in all']),
    ]
