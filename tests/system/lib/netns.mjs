// netns.mjs - a network of namespaces that the test itself runs in the middle
// of, so that packets between two of its members can be lost without a word.
//
//   hub      bridge, and the test with what listens in it
//   others   one namespace each, by a veth pair to that bridge
//
// The file that asks for one is run a second time, inside of the hub; the first
// process waits and removes everything after it, by name, however it ended.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';

const VARIABLE = 'BELFRY_TEST_NETNS'; // the prefix of the names, in the hub
const NET = '198.18.0'; // of those for measurements, never routed: RFC 2544
const NOBODY = '02:00:00:00:00:00'; // no interface has it

const AS_ROOT = process.getuid() === 0 ? [] : ['sudo', '-n'];

function ip(...args) {
    const [program, ...rest] = [...AS_ROOT, 'ip', ...args];
    return execFileSync(program, rest,
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

const namespaces = () => ip('netns', 'list').split('\n')
    .map((line) => line.split(' ')[0]);

// Also whoever still runs in it: they are ours, and have nobody to talk to.
function removeNamespace(name) {
    const pids = ip('netns', 'pids', name).split('\n').filter(Boolean);
    if (pids.length) {
        const [program, ...args] = [...AS_ROOT, 'kill', '-9', ...pids];
        spawnSync(program, args, { stdio: 'ignore' });
    }
    ip('netns', 'delete', name);
}

// Those of a process, and those that processes which are gone have left.
function removeAll(ownPid) {
    for (const name of namespaces()) {
        const pid = Number(/^belfry(\d+)-/.exec(name)?.[1]);
        if (pid === ownPid || (pid && !existsSync(`/proc/${pid}`)))
            removeNamespace(name);
    }
}

export class Network {
    // members: {name: the last number of its address}; hub: those of the hub,
    // the first of which it speaks from
    constructor(prefix, { hub, members }) {
        this.prefix = prefix;
        this.hub = hub;
        this.members = members;
    }

    namespace(member) {
        return `${this.prefix}-${member}`;
    }

    address(member) {
        const number = this.hub[member] ?? this.members[member];
        return `${NET}.${number}`;
    }

    static subnet() {
        return `${NET}.0/24`;
    }

    // What a command begins with that is to run at that member.
    at(member) {
        return ['ip', 'netns', 'exec', this.namespace(member)];
    }

    make() {
        const hub = this.namespace('hub');
        ip('netns', 'add', hub);
        ip('-n', hub, 'link', 'set', 'lo', 'up');
        ip('-n', hub, 'link', 'add', 'eth0', 'type', 'bridge');
        for (const name of Object.keys(this.hub))
            ip('-n', hub, 'address', 'add', `${this.address(name)}/24`,
                'dev', 'eth0');
        ip('-n', hub, 'link', 'set', 'eth0', 'up');
        for (const name of Object.keys(this.members)) this.add(hub, name);
    }

    add(hub, name) {
        const own = this.namespace(name);
        ip('netns', 'add', own);
        ip('-n', own, 'link', 'set', 'lo', 'up');
        ip('-n', hub, 'link', 'add', `to-${name}`, 'type', 'veth',
            'peer', 'name', 'eth0', 'netns', own);
        ip('-n', hub, 'link', 'set', `to-${name}`, 'master', 'eth0', 'up');
        ip('-n', own, 'address', 'add', `${this.address(name)}/24`,
            'dev', 'eth0');
        ip('-n', own, 'link', 'set', 'eth0', 'up');
    }

    // From now on `from` sends its packets for `to` to nobody. They are lost
    // as they are behind a dead switch: neither is told.
    lose(from, to) {
        ip('-n', this.namespace(from), 'neighbour', 'replace',
            this.address(to), 'lladdr', NOBODY, 'dev', 'eth0',
            'nud', 'permanent');
    }

    find(from, to) {
        ip('-n', this.namespace(from), 'neighbour', 'delete',
            this.address(to), 'dev', 'eth0');
    }

    // Both ways.
    cut(one, other) {
        this.lose(one, other);
        this.lose(other, one);
    }

    heal(one, other) {
        this.find(one, other);
        this.find(other, one);
    }
}

// sudo passes on no more than what it is given as words.
function inside(hub, file) {
    const kept = AS_ROOT.length === 0 ? [] :
        Object.entries(process.env).map((e) => e.join('='));
    return [...AS_ROOT, 'ip', 'netns', 'exec', hub, 'env', ...kept,
        `${VARIABLE}=${hub.replace(/-hub$/, '')}`, process.execPath,
        ...process.execArgv, file];
}

async function runInside(network, file) {
    const [program, ...args] = inside(network.namespace('hub'), file);
    const child = spawn(program, args, { stdio: 'inherit' });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
        process.on(signal, () => child.kill(signal));
    return new Promise((done) => {
        child.on('error', () => done(1));
        child.on('exit', (code, signal) =>
            done(code ?? 128 + os.constants.signals[signal]));
    });
}

// In the hub: the network. Outside it does not return, but for a sentence that
// says why there are no namespaces here.
export async function network(url, shape) {
    if (process.env[VARIABLE])
        return new Network(process.env[VARIABLE], shape);
    const n = new Network(`belfry${process.pid}`, shape);
    let code;
    try {
        removeAll();
        n.make();
    } catch (error) {
        try {
            removeAll(process.pid);
        } catch {
            // then there is no `ip`
        }
        return `no network namespaces here: ${error.stderr || error.message}`
            .trim().split('\n')[0];
    }
    try {
        code = await runInside(n, fileURLToPath(url));
    } finally {
        removeAll(process.pid);
    }
    return process.exit(code);
}
