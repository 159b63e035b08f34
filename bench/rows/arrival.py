"""From a request's first byte to the provider's call, with nothing else on.

300 sends, one after the other; the receiver notes when each webhook came."""

import socket
import time

from rig import Failed, Result, median, now_us
from server import Belfry, request, send_body


def one(connection, sink, asking):
    """To the provider's call, and to the answer, in µs."""
    began_us = now_us()
    connection.sendall(asking)
    head = connection.recv(65536)
    answered_us = now_us()
    if not head.startswith(b'HTTP/1.1 202'):
        raise Failed(head[:200].decode(errors='replace'))
    return sink.answer()['at_us'] - began_us, answered_us - began_us


def quantile_ms(values, q):
    return sorted(values)[min(len(values) - 1, int(len(values) * q))] / 1000


def round_of(r, n, database=None):
    sink = r.start('sink', '-m', 'Your order')
    s = Belfry(r, 'arrival', database)
    s.provide('webhook', 'webhook',
              {'url': f"http://127.0.0.1:{sink.answer()['port']}/hook"})
    asking = request('POST', '/v1/notifications', send_body('webhook')).encode()
    with socket.create_connection(('127.0.0.1', s.port)) as c:
        one(c, sink, asking)
        times = []
        for _ in range(n):
            time.sleep(0.005)
            times.append(one(c, sink, asking))
    r.end(s)
    r.end(sink)
    calls, answers = [t[0] for t in times], [t[1] for t in times]
    return (quantile_ms(calls, 0.99), quantile_ms(calls, 0.5),
            quantile_ms(answers, 0.5))


def measure(r):
    rounds = [round_of(r, r.size.of(300, 10)) for _ in range(r.size.rounds)]
    p99, p50, answer = (median([x[i] for x in rounds]) for i in range(3))
    return [Result('arrival', 'arrival to provider call, p99', p99, 'ms',
                   goal='< 10 ms', ok=p99 < 10, rounds=rounds, notes=[
                       f'p50 {p50:.2f} ms; the durable answer took '
                       f'{answer:.2f} ms'])]
