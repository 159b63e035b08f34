"""A backlog through each HTTP driver; beside libcurl alone.

As `webhooks`, but for what the driver makes of a message and of the answer:
the sink answers as the provider does. The bare loop sends the same bytes."""

import dataclasses
import json

from rig import Result, median
from server import Belfry, batch_body, request

CONCURRENCY = 64
BATCH = 1000
PHONE = '+15555551234'


@dataclasses.dataclass
class Driver:
    channel: str
    config: dict
    answer: dict  # of the provider, on success


DRIVERS = {
    'ntfy': Driver('ntfy', {'topic': 'alerts', 'token': 'tk_1'},
                   {'id': 'hwQ2YpKdmg', 'event': 'message'}),
    'twilio': Driver('sms', {'account_sid': 'AC1', 'auth_token': 't',
                             'from': '+15005550006'},
                     {'sid': 'SM1', 'status': 'queued', 'error_code': None}),
    'vonage': Driver('sms', {'api_key': 'k', 'api_secret': 's',
                             'from': 'Belfry'},
                     {'message-count': '1', 'messages': [
                         {'to': PHONE[1:], 'message-id': '0A1',
                          'status': '0'}]}),
    'waha': Driver('whatsapp', {'api_key': 'k', 'check_number': False},
                   {'id': 'true_15555551234@c.us_3EB0'}),
    'whatsapp_cloud': Driver('whatsapp', {'phone_number_id': '1',
                                          'access_token': 't'},
                             {'messaging_product': 'whatsapp',
                              'messages': [{'id': 'wamid.1'}]}),
}


def start_sink(r, d, *options):
    sink = r.start('sink', '-b', json.dumps(d.answer), *options)
    return sink, f"http://127.0.0.1:{sink.answer()['port']}"


def belfry(r, name, d, n, saved):
    sink, base = start_sink(r, d, '-w', '-n', n, '-s', saved)
    s = Belfry(r, f'drivers-{name}')
    s.ask('PUT', '/v1/users/user-1234', {'phone': PHONE})
    s.provide(d.channel, name, {**d.config, 'base_url': base},
              concurrency=CONCURRENCY)
    r.load(s, request('POST', '/v1/notifications/batch',
                      batch_body(BATCH, d.channel)), '-n', n // BATCH)
    cpu = s.cpu_us()
    sink.tell()
    came = sink.answer()
    cpu = s.cpu_us() - cpu
    s.wait_until_ended(n, outcome='sent')
    r.end(s)
    r.end(sink)
    return n * 1e6 / (came['last_us'] - came['first_us']), cpu / n


def bare(r, d, n, saved):
    path = saved.read_bytes().split(b' ', 2)[1].decode()
    sink, base = start_sink(r, d, '-n', n)
    answer = r.ask('curl_loop', '-u', base + path, '-r', saved, '-n', n, '-c',
                   CONCURRENCY)
    r.end(sink)
    return n * 1e6 / answer['took_us'], answer['cpu_us'] / n


def measure_one(r, name, d):
    n, saved = r.size.of(20_000), r.dir / f'drivers-{name}.request'
    ours, bares = [], []
    for _ in range(r.size.rounds):
        ours.append(belfry(r, name, d, n, saved))
        bares.append(bare(r, d, n, saved))
    rate, loop = median([o[0] for o in ours]), median([b[0] for b in bares])
    return Result(
        'drivers', f'{name} out, {CONCURRENCY} at once', rate, '/s', loop,
        'bare libcurl', '≥ 0.7', rate >= 0.7 * loop,
        [f'{median([o[1] for o in ours]):.1f} µs of CPU each, the bare loop '
         f'{median([b[1] for b in bares]):.1f}'],
        [ours, bares])


def measure(r):
    return [measure_one(r, name, d) for name, d in DRIVERS.items()]
