"""Accepted in batches, claimed, delivered to nobody, logged; beside SQLite.

The bare loop runs the statements of the store itself, on the same schema and
with the same documents, one thread, one commit for each batch."""

import contextlib
import sqlite3

from rig import Result, median
from server import Belfry, batch_body, request

BATCH = 1000
CONNECTIONS = 4


def stored_document(s):
    """As the store keeps it, so that the bare loop writes as many bytes."""
    uri = f'file:{s.database}?mode=ro'
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as db:
        return db.execute('SELECT doc FROM notification LIMIT 1').fetchone()[0]


def belfry(r, n):
    """Rate, CPU of each, and a document as it was stored."""
    s = Belfry(r, 'cycle')
    s.provide('webhook', 'null', {}, concurrency=1024)
    cpu = s.cpu_us()
    answer = r.load(s, request('POST', '/v1/notifications/batch',
                               batch_body(BATCH, 'webhook')),
                    '-c', CONNECTIONS, '-n', n // BATCH)
    ended_us = s.wait_until_ended(n)
    cpu = s.cpu_us() - cpu
    document = stored_document(s)
    r.end(s)
    return n * 1e6 / (ended_us - answer['began_us']), cpu / n, document


def bare(r, n, document):
    answer = r.ask('store_bench', '-d', r.dir, '-n', n, '-b', BATCH, '-r',
                   r.file('document', document), 'bare')
    return n * 1e6 / answer['took_us'], answer['cpu_us'] / n


def measure(r):
    n = r.size.of(300_000)
    ours, bares = [], []
    for _ in range(r.size.rounds):
        rate, cpu, document = belfry(r, n)
        ours.append((rate, cpu))
        bares.append(bare(r, n, document))
    rate, loop = median([o[0] for o in ours]), median([b[0] for b in bares])
    return [Result(
        'cycle', 'full cycle, batches of 1,000', rate, '/s', loop,
        'bare SQLite', '≥ 30,000/s and ≥ 0.6',
        rate >= 30_000 and rate >= 0.6 * loop,
        [f'{median([o[1] for o in ours]):.1f} µs of CPU each, the bare loop '
         f'{median([b[1] for b in bares]):.1f}'], [ours, bares])]
