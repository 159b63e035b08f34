"""The same work done by graphile-worker, pg-boss and BullMQ, in turns.

All but BullMQ share one PostgreSQL, each measure on a database of its own;
BullMQ has a Redis that answers when the disk has it. What is measured of them
and how each is set up is in ../peers/."""

from databases import NODE, Postgres, Redis
from rig import ROOT, Failed, Result, median
from rows import accept, arrival, growth
from server import Belfry

PEERS = ('graphile', 'pgboss', 'bullmq')
NAMES = {'belfry': 'Belfry', 'graphile': 'graphile-worker',
         'pgboss': 'pg-boss', 'bullmq': 'BullMQ'}
CYCLE_GOALS = {'graphile': 3, 'pgboss': 5}
ADD_GOALS = {'graphile': 20, 'pgboss': 10}


# ---- one measure of one of them: a dict of figures ----

def peer(r, name, database, url, measure, *options):
    tool = r.start(name, measure, '--url', url, '--wait', *options,
                   command=[NODE, ROOT / f'bench/peers/{name}.mjs'])
    tool.answer()  # it is ready
    written, cpu = database.written(), database.cpu_us()
    tool.tell()
    a = tool.answer()
    cpu, written = database.cpu_us() - cpu, database.written() - written
    r.end(tool)
    if measure == 'latency':
        return {'p50': a['p50_us'] / 1000, 'p99': a['p99_us'] / 1000}
    return {'rate': a['n'] * 1e6 / a['took_us'], 'cpu': a['cpu_us'] / a['n'],
            'database': cpu / a['n'], 'written': written / a['n']}


def belfry(r, postgres, work, **settings):
    """Of a new server, given `work`: it answers how often and how fast."""
    s = Belfry(r, 'peers', postgres.fresh(), **settings)
    s.provide('webhook', 'null', {}, concurrency=1024)
    written, cpu = postgres.written(), postgres.cpu_us()
    own = s.cpu_us()
    n, rate = work(s)
    own, cpu = s.cpu_us() - own, postgres.cpu_us() - cpu
    written = postgres.written() - written
    r.end(s)
    return {'rate': rate, 'cpu': own / n, 'database': cpu / n,
            'written': written / n}


def belfry_add(r, postgres, seconds):
    def work(s):
        r.load(s, accept.send(), '-c', accept.CONNECTIONS, '-n', 256)
        a = r.load(s, accept.send(), '-c', accept.CONNECTIONS, '-t', seconds)
        if a['refused']:
            raise Failed(f"belfry refused {a['refused']}")
        return a['requests'], a['requests'] * 1e6 / a['took_us']
    # As of the peers, what is added is not worked on meanwhile.
    return belfry(r, postgres, work, ROLES='api')


def belfry_latency(r, postgres, n):
    p99, p50, _ = arrival.round_of(r, n, postgres.fresh())
    return {'p50': p50, 'p99': p99}


def has_postgres(r, postgres):
    try:
        r.end(Belfry(r, 'peers', postgres.fresh()))
    except Failed as e:
        if 'asks for PostgreSQL, which' not in str(e):
            raise
        return False
    return True


# ---- all of them, in turns ----

def in_turns(r, postgres, ours, measure, *options, bullmq=()):
    """Figures of each by its name; Belfry's come from `ours`, or there are
    none."""
    figures = {'belfry': ours()} if ours else {}
    for name in ('graphile', 'pgboss'):
        figures[name] = peer(r, name, postgres, postgres.fresh(), measure,
                             *options)
    redis = Redis(r)
    figures['bullmq'] = peer(r, 'bullmq', redis, redis.url, measure,
                             *(bullmq or options))
    r.end(redis)
    return figures


def round_of(r, postgres, available):
    n, seconds, calls = (r.size.of(100_000), r.size.seconds(4),
                         r.size.of(300, 10))

    def ours(measure):
        return measure if available else None

    return {
        'cycle': in_turns(
            r, postgres, ours(lambda: belfry(
                r, postgres, lambda s: (n, growth.cycle(r, s, n)))),
            'cycle', '--n', n, bullmq=('--n', n // 4)),
        'add': in_turns(
            r, postgres, ours(lambda: belfry_add(r, postgres, seconds)),
            'add', '--seconds', seconds),
        'latency': in_turns(
            r, postgres, ours(lambda: belfry_latency(r, postgres, calls)),
            'latency', '--n', calls),
    }


# ---- what it says ----

def middle(rounds, measure, name, key):
    return median([one[measure][name][key] for one in rounds])


def costs(rounds, measure, name):
    cpu, database, written = (middle(rounds, measure, name, key)
                              for key in ('cpu', 'database', 'written'))
    return (f'{NAMES[name]}: {cpu:.1f} µs of CPU each and {database:.1f} in '
            f'its database, {written:,.0f} bytes of log')


def slowest(rounds, measure, name):
    return f"{NAMES[name]}: p99 {middle(rounds, measure, name, 'p99'):.1f} ms"


def compare(rounds, measure, what, unit, note, goals):
    """A line for each peer; without Belfry, the peer's half of it."""
    key = 'p50' if unit == 'ms' else 'rate'
    ours = (middle(rounds, measure, 'belfry', key)
            if 'belfry' in rounds[0][measure] else None)
    results = []
    for name in PEERS:
        theirs, goal = middle(rounds, measure, name, key), goals.get(name)
        results.append(Result(
            'peers', what, ours, unit, theirs, NAMES[name],
            f'≥ {goal}' if goal else '',
            ours >= goal * theirs if goal and ours is not None else None,
            [note(rounds, measure, name)], [one[measure] for one in rounds]))
    if ours is not None:
        results[0].notes.insert(0, note(rounds, measure, 'belfry'))
    return results


def measure(r):
    postgres = Postgres(r)
    available = has_postgres(r, postgres)
    rounds = [round_of(r, postgres, available) for _ in range(r.size.rounds)]
    results = (
        compare(rounds, 'cycle', 'full cycle, batches of 1,000', '/s', costs,
                CYCLE_GOALS)
        + compare(rounds, 'add', 'one a call, 64 at once', '/s', costs,
                  ADD_GOALS)
        + compare(rounds, 'latency', 'idle, from a call to its handler, p50',
                  'ms', slowest, {}))
    if not available:
        results.insert(0, Result('peers', 'Belfry on PostgreSQL', notes=[
            'not available: this binary has none, so the peers stand alone']))
    return results
