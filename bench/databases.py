"""databases - PostgreSQL and Redis, each of its own and gone afterwards."""

import contextlib
import json
import os
import platform
import shutil
import socket
import subprocess
import time
import urllib.parse

from rig import (ROOT, TICKS, TOOLS, Failed, cpu_us, die_with_parent, free_port,
                 wait_or_kill)

# Not by node_modules/.bin: some versions of npm leave links out of it.
ARCHITECTURE = {'x86_64': 'x64', 'aarch64': 'arm64'}[platform.machine()]
NODE = ROOT / f'bench/peers/node_modules/node-linux-{ARCHITECTURE}/bin/node'

# For a machine that is the database's: what its manual would have one set
# first. Every commit of every contestant waits for the disk.
TUNED = ('shared_buffers=1GB', 'wal_compression=on', 'max_wal_size=4GB',
         'checkpoint_timeout=15min')


def tool(*words):
    done = subprocess.run([ROOT / 'tools/postgres', *map(str, words)],
                          stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f'tools/postgres {words[0]} ended with {done.returncode}')
    return done.stdout.strip()


def remove_left_behind():
    """Clusters of runs that were killed: their server outlives its parent."""
    for path in TOOLS.glob('postgres-*'):
        if not os.path.exists(f"/proc/{path.name.split('-')[1]}"):
            tool('remove', path)


def all_cpu_us(pid):
    """Of a process, of its children, and of those that it has seen end."""
    with open(f'/proc/{pid}/stat', encoding='ascii') as f:
        fields = f.read().rsplit(')', 1)[1].split()
    us = sum(map(int, fields[11:15])) * 1_000_000 // TICKS
    with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as f:
        children = f.read().split()
    for child in children:
        with contextlib.suppress(OSError):  # ended meanwhile
            us += cpu_us(int(child))
    return us


class Postgres:
    """One server for a row, with a fresh database for each contestant.

    Below build/bench/ but not in the rig's own directory, which only its
    owner may enter: PostgreSQL refuses to run as root."""

    def __init__(self, rig):
        remove_left_behind()
        self.rig = rig
        self.dir = TOOLS / f'postgres-{os.getpid()}'
        self.pid = None
        rig.keep(self)
        self.url = tool('start', self.dir, *TUNED)
        self.pid = int(tool('pid', self.dir))

    def url_of(self, name):
        return urllib.parse.urlunsplit(
            urllib.parse.urlsplit(self.url)._replace(path='/' + name))

    def ask(self, *statements, database='belfry'):
        done = subprocess.run(
            [NODE, ROOT / 'bench/peers/sql.mjs', self.url_of(database),
             *statements],
            stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f'PostgreSQL refuses: {statements}')
        return json.loads(done.stdout)

    def fresh(self, name='bench'):
        """The URL of an empty database, with nothing left to be written."""
        self.ask(f'DROP DATABASE IF EXISTS {name} WITH (FORCE)',
                 f'CREATE DATABASE {name}', 'CHECKPOINT')
        return self.url_of(name)

    def hold(self, name):
        """A transaction with a snapshot of now, for as long as the tool
        runs: what is deleted meanwhile cannot be removed."""
        tool = self.rig.start('hold', self.url_of(name), command=[
            NODE, ROOT / 'bench/peers/hold.mjs'])
        tool.answer()
        return tool

    def cpu_us(self):
        return all_cpu_us(self.pid)

    def written(self):
        """Bytes of WAL so far."""
        return int(self.ask('SELECT pg_current_wal_insert_lsn() - '
                            "'0/0'::pg_lsn AS n")[0]['n'])

    def end(self):
        # It is no child of ours, so the machine's watch must be told.
        if self.pid:
            with contextlib.suppress(OSError):
                self.rig.daemons_us += self.cpu_us()
        tool('remove', self.dir)


class Redis:
    """One server that answers when the disk has it."""

    def __init__(self, rig):
        self.dir = rig.dir / 'redis'
        self.dir.mkdir(exist_ok=True)
        self.port = free_port()
        self.url = f'redis://127.0.0.1:{self.port}'
        self.process = subprocess.Popen(
            [self.find(), '--dir', self.dir, '--bind', '127.0.0.1', '--port',
             str(self.port), '--appendonly', 'yes', '--appendfsync', 'always',
             '--save', '', '--auto-aof-rewrite-percentage', '0'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            preexec_fn=die_with_parent)
        rig.keep(self)
        self.wait_until_ready()

    @staticmethod
    def find():
        program = shutil.which('redis-server') or next(
            ROOT.glob('build/oracles/redis-*/usr/bin/redis-server'), None)
        if not program:
            raise Failed('there is no redis-server')
        return program

    def wait_until_ready(self):
        for _ in range(500):
            with contextlib.suppress(OSError):
                with socket.create_connection(('127.0.0.1', self.port)) as c:
                    c.sendall(b'PING\r\n')
                    if c.recv(16).startswith(b'+PONG'):
                        return
            time.sleep(0.01)
        raise Failed('redis did not start')

    def cpu_us(self):
        return all_cpu_us(self.process.pid)

    def written(self):
        """Bytes of its log."""
        return sum(path.stat().st_size
                   for path in (self.dir / 'appendonlydir').iterdir())

    def end(self):
        self.process.terminate()
        wait_or_kill(self.process, 10)
        shutil.rmtree(self.dir, ignore_errors=True)
