"""Memory at rest, time to start, size of the binary."""

import subprocess
import time

from rig import BINARY, Result, median, memory_kib
from server import Belfry


def stripped_mib(r):
    path = r.dir / 'stripped'
    subprocess.run(['strip', '-o', path, BINARY], check=True)
    return path.stat().st_size / 2**20


def one(r):
    s = Belfry(r, 'footprint')
    time.sleep(1)
    rss, anonymous = memory_kib(s.pid)
    r.end(s)
    return rss / 1024, anonymous / 1024, s.ready_s * 1000


def measure(r):
    rounds = [one(r) for _ in range(r.size.rounds)]
    rss, anonymous, started_ms = (median([x[i] for x in rounds])
                                  for i in range(3))
    size = stripped_mib(r)
    return [
        Result('footprint', 'idle, anonymous memory', anonymous, 'MiB',
               goal='< 10 MiB', ok=anonymous < 10, rounds=rounds),
        Result('footprint', '  RSS', rss, 'MiB', goal='< 32 MiB',
               ok=rss < 32),
        Result('footprint', '  from exec to ready, new database', started_ms,
               'ms', goal='< 100 ms', ok=started_ms < 100),
        Result('footprint', '  stripped binary', size, 'MiB', goal='< 5 MiB',
               ok=size < 5),
    ]
