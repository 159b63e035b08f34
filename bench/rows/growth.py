"""The full cycle with a long history, beside the same with none.

The history is made through the API, to the end of each delivery, and stays
for all rounds; the empty one starts anew in each."""

from rig import Result, median
from server import Belfry, batch_body, request

BATCH = 1000


def cycle(r, s, n, before=0):
    answer = r.load(s, request('POST', '/v1/notifications/batch',
                               batch_body(BATCH, 'webhook')),
                    '-c', 4, '-n', n // BATCH)
    return n * 1e6 / (s.wait_until_ended(before + n, 3600) -
                      answer['began_us'])


def new_server(r, name):
    s = Belfry(r, name)
    s.provide('webhook', 'null', {}, concurrency=1024)
    return s


def measure(r):
    n = r.size.of(100_000)
    history = r.size.history or r.size.of(1_000_000)
    old = new_server(r, 'old')
    cycle(r, old, history)
    ended, with_history, empty = history, [], []
    for _ in range(r.size.rounds):
        fresh = new_server(r, 'fresh')
        empty.append(cycle(r, fresh, n))
        r.end(fresh)
        with_history.append(cycle(r, old, n, ended))
        ended += n
    size = old.database.stat().st_size / 2**20
    r.end(old)
    ours, bare = median(with_history), median(empty)
    return [Result('growth', f'full cycle after {history:,}', ours, '/s',
                   bare, 'empty', '≥ 0.9', ours >= 0.9 * bare,
                   [f'the file is {size:,.0f} MiB'], [with_history, empty])]
