"""One notification a request, 64 connections; CPU before the database.

Latency at full load and at half of what full load reached; then the same
client against nginx with a static answer, for a request that Belfry checks
from its first byte to its last field and refuses for the last one."""

from rig import Result, median
from server import Belfry, Nginx, request, send_body

CONNECTIONS = 64


def send(**more):
    return request('POST', '/v1/notifications', send_body('webhook', **more))


def durable(r, seconds):
    """Answers of the load generator at full load and at half of it."""
    s = Belfry(r, 'accept')
    s.provide('webhook', 'null', {}, concurrency=1024)
    r.load(s, send(), '-c', CONNECTIONS, '-t', 1)
    cpu = s.cpu_us()
    full = r.load(s, send(), '-c', CONNECTIONS, '-t', seconds)
    full['server_us'] = (s.cpu_us() - cpu) / full['requests']
    full['rate'] = full['requests'] * 1e6 / full['took_us']
    half = r.load(s, send(), '-c', CONNECTIONS, '-t', seconds, '-q',
                  max(1, int(full['rate'] / 2)))
    r.end(s)
    return full, half


def cost(r, server, what, n):
    """CPU of the server for each request, and the rate."""
    cpu = server.cpu_us()
    answer = r.load(server, what, '-c', CONNECTIONS, '-n', n)
    return (server.cpu_us() - cpu) / n, n * 1e6 / answer['took_us']


def before_database(r, n):
    refused = send(send_at='never')
    nginx = Nginx(r, '{"id":"ntf_01h455vb4pex5vsknk084sn02q",'
                     '"status":"queued","created_at":"2026-01-01T00:00:00Z"}')
    s = Belfry(r, 'accept')
    costs = [cost(r, s, refused, n),
             cost(r, s, request('GET', '/healthz'), n),
             cost(r, nginx, refused, n)]
    r.end(s)
    r.end(nginx)
    return costs


def latency(what, answers, goal_ms):
    p99, p50 = (median([a[k] for a in answers]) / 1000
                for k in ('p99_us', 'p50_us'))
    return Result('accept', what, p99, 'ms', goal=f'< {goal_ms} ms',
                  ok=p99 < goal_ms, rounds=answers, notes=[f'p50 {p50:.2f} ms'])


def measure(r):
    loads = [durable(r, r.size.seconds(4))
             for _ in range(r.size.rounds)]
    costs = [before_database(r, r.size.of(200_000))
             for _ in range(r.size.rounds)]
    full, half = [f for f, _ in loads], [h for _, h in loads]
    ours, health, nginx = (median([c[i][0] for c in costs]) for i in range(3))
    refused = sum(a['refused'] for a in full + half)
    return [
        Result('accept', 'one a request, 64 connections',
               median([f['rate'] for f in full]), '/s',
               goal='none refused', ok=not refused, notes=[
                   f"{median([f['server_us'] for f in full]):.1f} µs of CPU "
                   f'each, with its delivery to nobody; {refused} refused']),
        latency('  p99 at full load', full, 50),
        latency('  p99 at half load', half, 15),
        Result('accept', '  CPU before the database', ours, 'µs', nginx,
               'nginx, static', '≤ 20 µs', ours <= 20, rounds=costs,
               notes=[f'GET /healthz: {health:.1f} µs']),
    ]
