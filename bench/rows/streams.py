"""10,000 idle streams: memory for each; one event to all of them.

All belong to one user, so that one notification goes to each. The bare loop
writes the same bytes to as many sockets of the same client."""

import json
import resource
import time

from rig import Failed, Result, median, memory_kib, now_us
from server import Belfry, send_body

MARK = '#fan'
EVENTS = 5


def check_limits(n):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < n + 200:
        raise Failed(f'{n} streams need {n + 200} descriptors, not {hard}')


def stream_request(s):
    token = json.loads(s.ask('POST', '/v1/users/user-1234/token',
                             {'ttl': '1h'}))['token']
    return ('GET /v1/inbox/stream HTTP/1.1\r\nHost: localhost\r\n'
            f'Authorization: Bearer {token}\r\n'
            'Accept: text/event-stream\r\n\r\n')


def send(s, **more):
    s.ask('POST', '/v1/notifications', json.loads(send_body('in_app', **more)))


def belfry(r, n, saved):
    s = Belfry(r, 'streams', REALTIME_PER_USER=0, REALTIME_PER_ADDRESS=0,
               REALTIME_CONNECT_RATE=0)
    asking = r.file('stream', stream_request(s))
    send(s)
    time.sleep(0.5)
    before, _ = memory_kib(s.pid)
    client = r.start('sse_client', '-p', s.port, '-r', asking, '-m', MARK,
                     '-c', n, '-s', saved)
    opened = client.answer()
    time.sleep(1)
    idle = memory_kib(s.pid)[0] - before
    times, cpu = [], s.cpu_us()
    for _ in range(EVENTS):
        began_us = now_us()
        send(s, mark=MARK)
        times.append(client.answer()['last_us'] - began_us)
        time.sleep(0.2)
    cpu = (s.cpu_us() - cpu) / EVENTS / n
    after = memory_kib(s.pid)[0] - before
    r.end(client)
    r.end(s)
    return {'idle': idle / n, 'after': after / n,
            'rate': n * 1e6 / median(times), 'cpu': cpu,
            'open': n * 1e6 / opened['took_us']}


def bare(r, n, saved):
    loop = r.start('fanout_loop', '-r', saved)
    asking = r.file('stream', 'GET / HTTP/1.1\r\n\r\n')
    client = r.start('sse_client', '-p', loop.answer()['port'], '-r', asking,
                     '-m', MARK, '-c', n)
    client.answer()
    times, cpu = [], []
    for _ in range(EVENTS):
        loop.tell()
        wrote = loop.answer()
        times.append(client.answer()['last_us'] - wrote['began_us'])
        cpu.append(wrote['cpu_us'] / n)
        time.sleep(0.2)
    r.end(client)
    r.end(loop)
    return {'rate': n * 1e6 / median(times), 'cpu': median(cpu)}


def measure(r):
    n, saved = r.size.of(10_000, 50), r.dir / 'frame'
    check_limits(n)
    ours, bares = [], []
    for _ in range(r.size.rounds):
        ours.append(belfry(r, n, saved))
        bares.append(bare(r, n, saved))
    of = {k: median([o[k] for o in ours]) for k in ours[0]}
    loop = {k: median([b[k] for b in bares]) for k in bares[0]}
    return [
        Result('streams', f'{n:,} idle streams, RSS each', of['idle'], 'KiB',
               goal='≤ 2 KiB', ok=of['idle'] <= 2, notes=[
                   f"{of['after']:.2f} KiB after {EVENTS} events to all; "
                   f"opened at {of['open']:,.0f}/s"]),
        Result('streams', '  one event to all of them', of['rate'], '/s',
               loop['rate'], 'bare write()', '≥ 0.8',
               of['rate'] >= 0.8 * loop['rate'],
               [f"{of['cpu']:.1f} µs of CPU a reader, the bare loop "
                f"{loop['cpu']:.1f}"], [ours, bares]),
    ]
