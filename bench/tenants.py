"""tenants - many workspaces that send a little, and how long theirs took.

They trickle by an open loop, taking turns. A notification's time is from when
the server read the request to when its provider had answered, by the server's
clock and from its own records, so each of them counts."""

import statistics
import time

from rig import Failed
from server import request, send_body


class Trickle:
    """Workspaces, each with a webhook provider of its own at that port."""

    def __init__(self, r, s, database, n, port):
        self.r, self.s, self.database = r, s, database
        self.names = [f'trickle-{i}' for i in range(n)]
        for name in self.names:
            s.ask('PUT', f'/v1/workspaces/{name}', {'name': name})
            s.provide('webhook', 'webhook',
                      {'url': f'http://127.0.0.1:{port}/hook'}, workspace=name)
        self.files = [
            r.file(f'request-{name}', request(
                'POST', '/v1/notifications', send_body('webhook'),
                [f'X-Belfry-Workspace: {name}'])) for name in self.names]

    def start(self, rate):
        self.began_ms = int(time.time() * 1000)
        options = [word for path in self.files for word in ('-r', path)]
        return self.r.start('load', '-p', self.s.port, '-c', 64, '-q', rate,
                            '-u', *options)

    def stop(self, tool, within_s=60):
        """Times in ms of all that were sent since start()."""
        tool.tell()
        sent = tool.answer()
        self.r.end(tool)
        if sent['refused']:
            raise Failed(f"{sent['refused']} of the trickle refused")
        until = time.monotonic() + within_s
        while (found := self.times())['n'] < sent['requests']:
            if time.monotonic() > until:
                raise Failed(f"{found['n']} of {sent['requests']} of the "
                             f'trickle delivered after {within_s} s')
            time.sleep(0.5)
        return {'n': found['n'], 'p50': found['p'][0], 'p99': found['p'][1],
                'max': found['p'][2], 'accept_p99': sent['p99_us'] / 1000}

    def times(self):
        return self.database.ask(
            'SELECT count(*)::int AS n, percentile_disc(ARRAY[0.5, 0.99, 1]) '
            'WITHIN GROUP (ORDER BY (at_ms + call_ms - created_ms)::int) AS p '
            'FROM ended WHERE tenant IN (SELECT num FROM object WHERE kind = 1 '
            "AND key LIKE 'trickle-%') AND created_ms >= "
            f'{self.began_ms} AND status IN (4, 5)', database='bench')[0]

    def measure(self, rate, seconds):
        tool = self.start(rate)
        time.sleep(seconds)
        return self.stop(tool)


def told(what, times):
    return (f"{what}: p50 {times['p50']} ms, p99 {times['p99']}, slowest "
            f"{times['max']} of {times['n']:,}; the answer's p99 "
            f"{times['accept_p99']:.1f}")


def slope(points):
    """Of y by x, least squares."""
    if len(points) < 2:  # of a run too short to say
        return 0
    return statistics.linear_regression(*zip(*points)).slope
