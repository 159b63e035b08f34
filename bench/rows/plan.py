"""What deciding costs: who gets it where, when, and in which words.

Dry runs to a hundred users at a time, with all that can be asked on: quiet
hours and preferences of each user in zones of their own, a throttled category,
a template with a text for each channel. A dry run plans and renders as a send
does, then answers in place of the commit: reading the users, and writing the
answer, are in the figure. The goal is for a recipient, on both channels."""

import json

from rig import Failed, Result, median
from server import Belfry, request

USERS = 100
ZONES = ('Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Pacific/Apia')
CHANNELS = ['in_app', 'email']
TEXT = {
    'title': 'Order {{order}} is on its way, {{user.attributes.name}}',
    'body': '{{items}} things left our warehouse this morning and should be '
            'with you tomorrow before noon. Total: {{total}} {{currency}}.',
}
TEMPLATE = {'content': {
    'default': TEXT,
    'email': {'html': '<h1>Hello {{user.attributes.name}}</h1><p>' +
                      TEXT['body'] + '</p><p><a href="{{tracking}}">Follow '
                      'it</a></p>'}}}
DATA = {'order': 'A-100234', 'items': 3, 'total': '59.90', 'currency': 'EUR',
        'tracking': 'https://post.example/t/00340434161094042557'}
QUIET = {'start': '22:00', 'end': '07:00'}


def user(i):
    return {'id': f'u{i}', 'email': f'u{i}@example.com', 'locale': 'en',
            'timezone': ZONES[i % len(ZONES)],
            'attributes': {'name': f'Ann {i}'}}


def furnish(s):
    s.provide('email', 'null', {}, concurrency=1024)
    s.ask('PUT', '/v1/categories/orders', {
        'name': 'Orders', 'channels': CHANNELS, 'quiet_hours': 'defer',
        'throttle': {'limit': 1000, 'per': '1h'}})
    s.ask('PUT', '/v1/templates/shipped', TEMPLATE)


def settle(s, i):
    s.ask('PUT', f'/v1/users/u{i}/preferences', {
        'channels': {'sms': False}, 'quiet_hours': QUIET,
        'categories': {'orders': {'enabled': True},
                       'news': {'enabled': False}}})


def cost(r, s, body, n_channels):
    n = r.size.of(2000, 20)
    body = {**body, 'dry_run': True, 'to': [f'u{i}' for i in range(USERS)]}
    lines = json.loads(s.ask('POST', '/v1/notifications', body))['plan']
    if len([one for one in lines if one['rendered']['title']]) != \
            USERS * n_channels:
        raise Failed(f'a dry run is not what it should be: {lines[:2]}')
    head = request('POST', '/v1/notifications', json.dumps(body))
    before = s.cpu_us()
    r.load(s, head, '-c', 4, '-n', n)
    return (s.cpu_us() - before) / n / USERS


def measure(r):
    s = Belfry(r, 'plan')
    furnish(s)
    s.ask('POST', '/v1/users/bulk', {
        'users': [user(i) for i in range(USERS)]})
    bare, ours = [], []
    for _ in range(r.size.rounds):
        bare.append(cost(r, s, {'title': 'T', 'channels': ['in_app']}, 1))
    for i in range(USERS):
        settle(s, i)
    for _ in range(r.size.rounds):
        ours.append(cost(r, s, {'template': 'shipped', 'category': 'orders',
                                'data': DATA}, len(CHANNELS)))
    r.end(s)
    return [Result('plan', 'CPU to plan for a recipient', median(ours), 'µs',
                   median(bare), 'nothing on', '< 25', median(ours) < 25,
                   [f'{len(CHANNELS)} channels each; {USERS} users a dry run'],
                   [ours, bare])]
