// ca.mjs - an authority made for one run, and certificates that it signs.

import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const openssl = (...args) => run('openssl', args);

// Files below `dir`: the authority's certificate, and a pair for `names`.
export async function makeCertificates(dir, names = ['localhost']) {
    const at = (name) => path.join(dir, name);
    await openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days',
        '2', '-subj', '/CN=Belfry test authority', '-keyout', at('ca.key'),
        '-out', at('ca.pem'));
    await openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj',
        `/CN=${names[0]}`, '-keyout', at('server.key'), '-out',
        at('server.csr'));
    const alternatives = names.map((n) =>
        (/^[\d.]+$|:/.test(n) ? `IP:${n}` : `DNS:${n}`)).join(',');
    await writeFile(at('server.ext'), `subjectAltName=${alternatives}\n`);
    await openssl('x509', '-req', '-days', '2', '-in', at('server.csr'),
        '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial',
        '-extfile', at('server.ext'), '-out', at('server.pem'));
    return {
        authorityFile: at('ca.pem'),
        authority: await readFile(at('ca.pem')),
        keyFile: at('server.key'),
        certFile: at('server.pem'),
        key: await readFile(at('server.key')),
        cert: await readFile(at('server.pem')),
    };
}
