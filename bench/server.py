"""server - Belfry, and nginx beside it, each in a directory that goes away."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from rig import (BINARY, ROOT, Failed, cpu_us, die_with_parent, free_port,
                 wait_or_kill)

KEY = 'bf_bench_0123456789abcdef0123456789abcdef'
READY = re.compile(rb'server\.ready\b.*?\blisten="?([0-9.]+):([0-9]+)')


def request(method, path, body='', headers=()):
    """The bytes of a request, for the load generator."""
    lines = [f'{method} {path} HTTP/1.1', 'Host: localhost',
             f'Authorization: Bearer {KEY}', 'Accept: */*', *headers]
    if body:
        lines += ['Content-Type: application/json',
                  f'Content-Length: {len(body.encode())}']
    return '\r\n'.join(lines) + '\r\n\r\n' + body


def send_body(channel, mark='', **more):
    """A notification of the size of the measured peers' jobs: 340 bytes."""
    body = {
        'to': 'user-1234', 'channels': [channel],
        'title': 'Your order is on its way' + mark,
        'body': 'It left our warehouse this morning and should be with you '
                'tomorrow before noon.',
        'data': {'order': 'A-100234', 'carrier': 'post', 'items': 3,
                 'total': '59.90', 'currency': 'EUR',
                 'tracking': 'https://post.example/t/00340434161094042557'},
        **more,
    }
    return json.dumps(body, separators=(',', ':'))


def batch_body(n, channel):
    return '[' + ','.join([send_body(channel)] * n) + ']'


class Belfry:
    """One server, on a file of its own or on the database at that URL.
    `end()` is SIGTERM and what was promised about it."""

    def __init__(self, rig, name, database=None, **settings):
        self.dir = rig.dir / name
        self.dir.mkdir(exist_ok=True)
        self.database = self.dir / 'belfry.db'
        self.log = self.dir / 'log'
        self.settings = settings
        if database:
            self.settings['SECRET_KEY_FILE'] = self.make_key_file()
        self.began = time.monotonic()
        with open(self.log, 'wb') as log:
            self.process = subprocess.Popen(
                [BINARY, 'serve', '--listen', '127.0.0.1:0', '--db',
                 database or f'sqlite:{self.database}'],
                cwd=self.dir, env=self.environment(), stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=log,
                preexec_fn=die_with_parent)
        rig.keep(self)
        self.port = self.wait_until_ready()
        self.ready_s = time.monotonic() - self.began

    def make_key_file(self):
        """A database elsewhere has no file beside which one could be made."""
        path = self.dir / 'key'
        path.touch(mode=0o600)
        path.write_bytes(os.urandom(32))
        return path

    def environment(self):
        return {
            'PATH': os.environ['PATH'], 'HOME': str(self.dir),
            'BELFRY_BOOTSTRAP_KEY': KEY,
            'BELFRY_EGRESS_ALLOW': '127.0.0.0/8',
            **{f'BELFRY_{k}': str(v) for k, v in self.settings.items()},
        }

    def wait_until_ready(self):
        while time.monotonic() - self.began < 20:
            found = READY.search(self.log.read_bytes())
            if found:
                return int(found[2])
            if self.process.poll() is not None:
                break
            time.sleep(0.001)
        raise Failed(f'belfry did not start: {self.last_words()}')

    def last_words(self):
        return self.log.read_text(errors='replace')[-500:].strip()

    @property
    def pid(self):
        return self.process.pid

    def cpu_us(self):
        return cpu_us(self.pid)

    def ask(self, method, path, body=None, workspace='default'):
        c = http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)
        try:
            c.request(method, path, json.dumps(body) if body else None, {
                'Authorization': f'Bearer {KEY}',
                'Content-Type': 'application/json',
                'X-Belfry-Workspace': workspace})
            answer = c.getresponse()
            text = answer.read().decode()
        finally:
            c.close()
        if answer.status >= 300:
            raise Failed(f'{method} {path}: {answer.status} {text[:300]}')
        return text

    def provide(self, channel, driver, config, concurrency=64,
                workspace='default', **more):
        self.ask('PUT', f'/v1/providers/{driver}', {
            'channel': channel, 'driver': driver, 'config': config,
            'concurrency': concurrency, **more}, workspace)

    def ended(self, outcome='delivered'):
        """Deliveries that came to that end since the start."""
        text = self.ask('GET', '/metrics')
        found = re.findall(r'^belfry_deliveries_total\{[^}]*outcome="'
                           + outcome + r'"[^}]*\} ([0-9.e+]+)$', text, re.M)
        return int(sum(map(float, found)))

    def wait_until_ended(self, n, within_s=300, outcome='delivered'):
        until = time.monotonic() + within_s
        while self.ended(outcome) < n:
            if time.monotonic() > until:
                raise Failed(f'{self.ended(outcome)} of {n} {outcome} after '
                             f'{within_s} s')
            time.sleep(0.01)
        return time.monotonic_ns() // 1000

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            print(f'bench: belfry did not end: {self.last_words()}')
        shutil.rmtree(self.dir, ignore_errors=True)


NGINX = '''
worker_processes 1;
daemon off;
pid {dir}/pid;
error_log {dir}/error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{
            default_type application/json;
            return 200 '{answer}';
        }}
    }}
}}
'''


class Nginx:
    """A static answer from one worker."""

    def __init__(self, rig, answer):
        self.dir = rig.dir / 'nginx'
        self.dir.mkdir(exist_ok=True)
        self.port = free_port()
        config = self.dir / 'conf'
        config.write_text(NGINX.format(dir=self.dir, port=self.port,
                                       answer=answer))
        self.process = subprocess.Popen(
            [shutil.which('nginx') or ROOT / 'build/oracles/nginx/usr/sbin/nginx',
             '-p', str(self.dir), '-c', str(config)],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent)
        rig.keep(self)
        self.wait_until_ready()

    def wait_until_ready(self):
        for _ in range(500):
            try:
                socket.create_connection(('127.0.0.1', self.port)).close()
                return
            except OSError:
                time.sleep(0.01)
        raise Failed('nginx did not start')

    def cpu_us(self):
        path = f'/proc/{self.process.pid}/task/{self.process.pid}/children'
        with open(path, encoding='ascii') as f:
            return sum(cpu_us(int(pid)) for pid in f.read().split())

    def end(self):
        self.process.terminate()
        wait_or_kill(self.process, 10)
        shutil.rmtree(self.dir, ignore_errors=True)
