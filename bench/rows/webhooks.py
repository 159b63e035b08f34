"""A backlog of webhooks to a local receiver; beside libcurl alone.

The receiver answers nobody until the backlog is complete. The bare loop then
sends the same bytes as often, as many at once, to a receiver of its own."""

from rig import Result, median
from server import Belfry, batch_body, request

CONCURRENCY = 64
BATCH = 1000


def belfry(r, n, saved):
    sink = r.start('sink', '-w', '-n', n, '-s', saved)
    s = Belfry(r, 'webhooks')
    s.provide('webhook', 'webhook',
              {'url': f"http://127.0.0.1:{sink.answer()['port']}/hook"},
              concurrency=CONCURRENCY)
    r.load(s, request('POST', '/v1/notifications/batch',
                      batch_body(BATCH, 'webhook')), '-n', n // BATCH)
    cpu = s.cpu_us()
    sink.tell()
    came = sink.answer()
    cpu = s.cpu_us() - cpu
    s.wait_until_ended(n)
    r.end(s)
    r.end(sink)
    return n * 1e6 / (came['last_us'] - came['first_us']), cpu / n


def bare(r, n, saved):
    sink = r.start('sink', '-n', n)
    url = f"http://127.0.0.1:{sink.answer()['port']}/hook"
    answer = r.ask('curl_loop', '-u', url, '-r', saved, '-n', n, '-c',
                   CONCURRENCY)
    r.end(sink)
    return n * 1e6 / answer['took_us'], answer['cpu_us'] / n


def measure(r):
    n, saved = r.size.of(50_000), r.dir / 'webhook'
    ours, bares = [], []
    for _ in range(r.size.rounds):
        ours.append(belfry(r, n, saved))
        bares.append(bare(r, n, saved))
    rate, loop = median([o[0] for o in ours]), median([b[0] for b in bares])
    return [Result(
        'webhooks', f'webhooks out, {CONCURRENCY} at once', rate, '/s', loop,
        'bare libcurl', '≥ 0.7', rate >= 0.7 * loop,
        [f'{median([o[1] for o in ours]):.1f} µs of CPU each (claim, call, '
         f'outcome), the bare loop {median([b[1] for b in bares]):.1f}'],
        [ours, bares])]
