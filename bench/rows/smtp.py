"""A backlog of mail to a local server; beside Postfix's own smtp-source.

The server greets nobody until the backlog is complete. smtp-source then sends
mails of the same size, as many and over as many sessions, to one of its own."""

import os
import subprocess

from rig import ROOT, Failed, Result, median, now_us
from server import Belfry, batch_body, request

SESSIONS = 8
BATCH = 1000
POSTFIX = ROOT / 'build/oracles/postfix'
USER = {'email': 'tim@example.net'}


def belfry(r, n, saved):
    sink = r.start('smtp_sink', '-w', '-n', n, '-s', saved)
    s = Belfry(r, 'smtp')
    s.provide('email', 'smtp', {'host': '127.0.0.1',
                                'port': sink.answer()['port'],
                                'from': 'Shop <shop@example.com>',
                                'tls': 'none'}, concurrency=SESSIONS)
    s.ask('PUT', '/v1/users/user-1234', USER)
    r.load(s, request('POST', '/v1/notifications/batch',
                      batch_body(BATCH, 'email')), '-n', n // BATCH)
    cpu = s.cpu_us()
    sink.tell()
    came = sink.answer()
    cpu = s.cpu_us() - cpu
    s.wait_until_ended(n, outcome='sent')
    r.end(s)
    r.end(sink)
    return {'rate': n * 1e6 / (came['last_us'] - came['first_us']),
            'cpu': cpu / n, 'sessions': came['sessions']}


def smtp_source(r, n, size):
    program = POSTFIX / 'usr/sbin/smtp-source'
    if not program.exists():
        raise Failed(f'{program} is not there; ./dev bench unpacks it')
    sink = r.start('smtp_sink', '-n', n)
    port = sink.answer()['port']
    before, began = os.times(), now_us()
    done = subprocess.run(
        [program, '-d', '-s', str(SESSIONS), '-m', str(n), '-l', str(size),
         '-f', 'shop@example.com', '-t', 'tim@example.net',
         f'inet:127.0.0.1:{port}'],
        env={**os.environ, 'LD_LIBRARY_PATH':
             str(POSTFIX / 'usr/lib/postfix')}, check=False)
    took, after = now_us() - began, os.times()
    if done.returncode != 0:
        raise Failed(f'smtp-source ended with {done.returncode}')
    r.end(sink)
    cpu = (after.children_user + after.children_system
           - before.children_user - before.children_system)
    return {'rate': n * 1e6 / took, 'cpu': cpu * 1e6 / n}


def measure(r):
    n, saved = r.size.of(20_000), r.dir / 'mail'
    ours, theirs = [], []
    for _ in range(r.size.rounds):
        ours.append(belfry(r, n, saved))
        theirs.append(smtp_source(r, n, saved.stat().st_size))
    rate = median([o['rate'] for o in ours])
    beside = median([t['rate'] for t in theirs])
    size = saved.stat().st_size
    return [Result(
        'smtp', f'mails of {size} bytes out, {SESSIONS} sessions', rate, '/s',
        beside, 'smtp-source', '≥ 0.7', rate >= 0.7 * beside,
        [f"{median([o['cpu'] for o in ours]):.1f} µs of CPU each (claim, "
         f"words, call, outcome), smtp-source "
         f"{median([t['cpu'] for t in theirs]):.1f}; "
         f"{median([o['sessions'] for o in ours])} sessions were opened"],
        [ours, theirs])]
