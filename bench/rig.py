"""rig - processes, clocks and figures that the rows share.

Whatever is started here is ended here, by its own handle. Tools end when
their stdin is closed, so that a harness that dies leaves none behind; servers
are told by the kernel when their parent is gone."""

import contextlib
import ctypes
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get('BELFRY_BUILD', ROOT / 'build'))
TOOLS = BUILD / 'bench'
BINARY = BUILD / 'belfry'
TICKS = os.sysconf('SC_CLK_TCK')
PR_SET_PDEATHSIG = 1


class Failed(Exception):
    """A row cannot be measured; the others still can."""


@dataclasses.dataclass
class Size:
    """How much work a run is."""
    share: int = 1  # by what the work is divided
    rounds: int = 3
    backlog: int = None
    history: int = None
    burst: int = None

    def __post_init__(self):
        if self.share > 1:
            self.rounds = 1
        self.backlog = self.backlog or self.of(200_000)
        self.burst = self.burst or self.of(1_000_000)

    def of(self, n, least=1000):
        """A share of n; whole batches of rows by default."""
        return max(n // self.share, min(n, least))

    def seconds(self, n):
        return max(n // self.share, min(n, 2))


@dataclasses.dataclass
class Result:
    """A figure, what stands beside it, and whether that is good enough."""
    row: str
    what: str
    measured: float = None
    unit: str = ''
    baseline: float = None
    beside: str = ''
    goal: str = ''
    ok: bool = None
    notes: list = dataclasses.field(default_factory=list)
    rounds: list = dataclasses.field(default_factory=list)
    others: float = None
    disk_ms: float = None

    @property
    def ratio(self):
        if not self.baseline or self.measured is None:
            return None
        return self.measured / self.baseline

    def as_dict(self):
        return {**dataclasses.asdict(self), 'ratio': self.ratio}


def median(values):
    return statistics.median(values)


def now_us():
    return time.monotonic_ns() // 1000


# ---- the machine ----

def run(*command, **more):
    return subprocess.run(command, check=True, text=True, cwd=ROOT,
                          stdout=subprocess.PIPE, **more).stdout.strip()


def build():
    """The tools, in the build that ./dev has just made."""
    try:
        run('ninja', '-C', str(BUILD), 'bench-tools')
    except subprocess.CalledProcessError as e:
        raise SystemExit(f'bench: the tools do not build:\n{e.stdout}') from e


def describe_machine():
    with open('/proc/cpuinfo', encoding='ascii') as f:
        model = next((line.split(':')[1].strip() for line in f
                      if line.startswith('model name')), 'of unknown make')
    return {
        'cpus': os.cpu_count(),
        'cpu': model,
        'kernel': 'Linux ' + os.uname().release,
        'commit': run('git', 'describe', '--always', '--dirty'),
        'at': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()),
    }


def machine_busy_s():
    """Seconds of work by all processors, and what was stolen from them."""
    with open('/proc/stat', encoding='ascii') as f:
        v = [int(n) for n in f.readline().split()[1:9]]
    return (v[0] + v[1] + v[2] + v[5] + v[6] + v[7]) / TICKS


def cpu_us(pid):
    """User and system time of a process and all its threads so far."""
    with open(f'/proc/{pid}/stat', encoding='ascii') as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1_000_000 // TICKS


def memory_kib(pid):
    """RSS and what of it is no file's."""
    kib = {}
    with open(f'/proc/{pid}/smaps_rollup', encoding='ascii') as f:
        for line in f.readlines()[1:]:
            name, value = line.split(':')
            kib[name] = int(value.split()[0])
    return kib['Rss'], kib['Anonymous']


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Meanwhile:
    """What else there was while a row ran."""

    def __init__(self):
        self.share = None  # of the machine, for processes that are not ours
        self.disk_ms = None  # the slowest write of the probe


class DiskProbe(threading.Thread):
    """Ten times a second a small write and fdatasync, as a commit is one. When
    these are slow, so is every commit, whoever makes it."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path = path
        self.slowest_ms = 0.0
        self.ended = threading.Event()

    def run(self):
        with open(self.path, 'wb') as file:
            while not self.ended.wait(0.1):
                began = time.monotonic()
                os.pwrite(file.fileno(), bytes(8192), 0)
                os.fdatasync(file.fileno())
                self.slowest_ms = max(self.slowest_ms,
                                      (time.monotonic() - began) * 1e3)

    def end(self):
        self.ended.set()
        self.join()


# ---- processes ----

def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_or_kill(process, seconds):
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Tool:
    """A tool of bench/, or a command, that runs on; it answers in lines of
    JSON."""

    def __init__(self, name, *options, command=None):
        self.name = name
        self.process = subprocess.Popen(
            [*(command or [TOOLS / name]), *map(str, options)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    @property
    def pid(self):
        return self.process.pid

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f'{self.name} ended early')
        return json.loads(line)

    def tell(self):
        self.process.stdin.write('\n')
        self.process.stdin.flush()

    def end(self):
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
        wait_or_kill(self.process, 5)


class Rig:
    def __init__(self, size):
        self.size = size
        self.running = []
        self.daemons_us = 0  # CPU of servers that were no child of ours

    def __enter__(self):
        # Beside the build, not in /tmp: that may be memory, and fsync free.
        (ROOT / 'build/bench').mkdir(parents=True, exist_ok=True)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix='run-',
                                                 dir=ROOT / 'build/bench'))
        return self

    def __exit__(self, *_):
        self.end_all()
        shutil.rmtree(self.dir, ignore_errors=True)

    def keep(self, what):
        self.running.append(what)
        return what

    def end(self, what):
        if what in self.running:
            self.running.remove(what)
        what.end()

    def end_all(self):
        while self.running:
            self.running.pop().end()

    def start(self, name, *options, **more):
        return self.keep(Tool(name, *options, **more))

    def ask(self, name, *options):
        """Runs a tool to its end."""
        done = subprocess.run([TOOLS / name, *map(str, options)],
                              stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f'{name} ended with {done.returncode}')
        return json.loads(done.stdout)

    def file(self, name, content):
        path = self.dir / name
        path.write_bytes(content if isinstance(content, bytes)
                         else content.encode())
        return path

    def load(self, server, request, *options):
        path = self.file('request', request)
        answer = self.ask('load', '-p', server.port, '-r', path, *options)
        return answer

    @contextlib.contextmanager
    def watch_machine(self):
        meanwhile, began = Meanwhile(), time.monotonic()
        busy, ours = machine_busy_s(), self.our_s()
        probe = DiskProbe(self.dir / 'disk-probe')
        probe.start()
        try:
            yield meanwhile
        finally:
            probe.end()
        took = (time.monotonic() - began) * os.cpu_count()
        extra = machine_busy_s() - busy - (self.our_s() - ours)
        meanwhile.share = max(0.0, extra / took)
        meanwhile.disk_ms = probe.slowest_ms

    def our_s(self):
        """Of this process and of all that it started and that has ended."""
        return sum(os.times()[:4]) + self.daemons_us / 1e6
