"""A provider that dies and comes back, second by second.

Two providers share a channel, a third is there for when they fail, and another
channel has one of its own. Notifications go to both channels at an even rate.
After a third of the time one of the two refuses connections, after another it
is back. How many a second each got, and how long they took from the request to
the provider, is drawn as build/bench/failover.svg, of which docs/failover.svg is
a copy."""

import collections
import http.server
import json
import socketserver
import threading
import time

import chart
from rig import BUILD, Result
from server import Belfry, send_body

RATE = 50  # a second
SECONDS = 90
NAMES = ('first', 'second', 'spare', 'other')
CHART = BUILD / 'bench' / 'failover.svg'


class Provider:
    """Answers 200, until it dies; the same port when it is back."""

    def __init__(self, name):
        self.name, self.port, self.calls = name, 0, []
        self.start()

    def start(self):
        calls = self.calls

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):  # noqa: N802
                body = self.rfile.read(int(self.headers['content-length']))
                calls.append((time.monotonic(), body))
                self.send_response(200)
                self.send_header('Content-Length', '0')
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
            request_queue_size = 128

            def get_request(self):
                taken = super().get_request()
                self.open.append(taken[0])
                return taken

        self.server = Server(('127.0.0.1', self.port), Handler)
        self.server.open = []
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,),
                         daemon=True).start()

    def end(self):
        self.server.shutdown()
        self.server.server_close()
        for c in self.server.open:
            try:
                c.shutdown(2)
            except OSError:
                pass


def send(s, until, sent):
    """One after the other, each when it is due: it counts from then."""
    began = time.monotonic()
    while time.monotonic() < until:
        due = began + len(sent) / RATE
        time.sleep(max(0, due - time.monotonic()))
        mark = f' #{len(sent)}#'
        sent.append(due)
        s.ask('POST', '/v1/notifications', json.loads(send_body(
            'webhook', mark, channels=['webhook', 'ntfy'])))


def number_of(body):
    return int(body.split(b'#')[1])


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def by_second(provider, sent, began):
    """Latencies in ms of what was due in each second."""
    found = collections.defaultdict(list)
    for at, body in provider.calls:
        due = sent[number_of(body)]
        found[int(due - began)].append((at - due) * 1000)
    return found


def arrivals(provider, began, seconds):
    n = collections.Counter(int(at - began) for at, _ in provider.calls)
    return [(t, n[t]) for t in range(seconds)]


def set_up(r):
    s = Belfry(r, 'failover')
    all_of_them = {name: Provider(name) for name in NAMES}
    for name, p in all_of_them.items():
        is_other = name == 'other'
        s.ask('PUT', f'/v1/providers/{name}', {
            'channel': 'ntfy' if is_other else 'webhook',
            'driver': 'ntfy' if is_other else 'webhook',
            'order': 2 if name == 'spare' else 1, 'weight': 1,
            'config': {'topic': 'x', 'base_url': f'http://127.0.0.1:{p.port}'}
                      if is_other else
                      {'url': f'http://127.0.0.1:{p.port}/hook'}})
    return s, all_of_them


def live(s, providers, seconds):
    """The whole story; when each notification was due."""
    sent, began = [], time.monotonic()
    sender = threading.Thread(target=send, args=(s, began + seconds, sent))
    sender.start()
    for event in (providers['first'].end, providers['first'].start):
        time.sleep(seconds / 3)
        event()
    sender.join()
    s.wait_until_ended(len(sent), 60)
    s.wait_until_ended(len(sent), 60, 'sent')
    return sent, began


def draw(providers, sent, began, seconds):
    other = by_second(providers['other'], sent, began)
    own = collections.defaultdict(list)
    for name in NAMES[:3]:
        for t, values in by_second(providers[name], sent, began).items():
            own[t] += values
    panels = [
        chart.Panel('Notifications a second', [
            (name, arrivals(providers[name], began, seconds))
            for name in NAMES[:3]]),
        chart.Panel('Request to provider, p95 of each second, ms', [
            ('this channel', [(t, percentile(own[t], 0.95))
                              for t in range(seconds) if own[t]]),
            ('the other channel', [(t, percentile(other[t], 0.95))
                                   for t in range(seconds) if other[t]])], 3),
    ]
    CHART.parent.mkdir(parents=True, exist_ok=True)
    CHART.write_text(chart.draw(
        panels, seconds,
        [(seconds / 3, 2 * seconds / 3, 'first refuses connections')]))


def attempts(s, name, verdict):
    text = s.ask('GET', '/metrics')
    wanted = f'provider="{name}",class="{verdict}"}} '
    return sum(int(line.rsplit(' ', 1)[1]) for line in text.splitlines()
               if line.startswith('belfry_delivery_attempts_total')
               and wanted in line)


def share_of(provider, sent, since, until):
    """Of all that was due then, what it got, in hundredths."""
    n = sum(since <= sent[number_of(body)] < until
            for _, body in provider.calls)
    return 100 * n / max(1, sum(since <= due < until for due in sent))


def measure(r):
    seconds = r.size.seconds(SECONDS)
    s, providers = set_up(r)
    sent, began = live(s, providers, seconds)
    failed = attempts(s, 'first', 'retry') + attempts(s, 'first', 'unknown')
    r.end(s)
    for p in providers.values():
        p.end()
    draw(providers, sent, began, seconds)
    third = seconds / 3
    thirds = [(began + i * third, began + (i + 1) * third) for i in range(3)]
    other = by_second(providers['other'], sent, began)
    p95 = [percentile([v for t in range(int(i * third), int((i + 1) * third))
                       for v in other[t]] or [0], 0.95) for i in range(3)]
    rows = [' · '.join(f'{name} {share_of(providers[name], sent, *t):.0f} %'
                       for name in NAMES[:3]) for t in thirds]
    return [Result(
        'failover', 'the other channel while one dies, p95', p95[1], 'ms',
        p95[0], 'before', '≤ 1.5 of it + 5 ms', p95[1] <= 1.5 * p95[0] + 5,
        [f'before: {rows[0]}', f'dead: {rows[1]}', f'back: {rows[2]}',
         f'{failed} calls failed of {len(sent)} notifications; {CHART}'],
        p95)]
