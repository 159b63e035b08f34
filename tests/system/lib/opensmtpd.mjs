// opensmtpd.mjs - Debian's OpenSMTPD as another real receiver, with TLS and a
// login: unpacked by ./dev, as it cannot be installed beside Postfix, and run
// by opensmtpd.sh in a mount namespace of its own. It needs root for that: as
// another user, sudo.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { simpleParser } from 'mailparser';
import { freePort, greets } from './postfix.mjs';
import { until } from './until.mjs';

const SCRIPT = fileURLToPath(new URL('opensmtpd.sh', import.meta.url));

// Why its TLS does not work; null: it does. That of Debian 12 was made for
// another OpenSSL than the one that is there, and fails as soon as it has to
// sign.
async function faultOfTls(port, ca) {
    const socket = net.connect(port, '127.0.0.1');
    const line = async (start) => {
        for (;;) {
            const [d] = await once(socket, 'data');
            if (d.toString().includes(start)) return;
        }
    };
    try {
        await line('220 ');
        socket.write('EHLO test\r\n');
        await line('250 ');
        socket.write('STARTTLS\r\n');
        await line('220 ');
        const secure = tls.connect({ socket, ca, servername: 'localhost' });
        await once(secure, 'secureConnect');
        secure.destroy();
        return null;
    } catch (error) {
        return error.message;
    } finally {
        socket.destroy();
    }
}

export class OpenSmtpd {
    // NULL, and why in `OpenSmtpd.fault`: it cannot run on this machine.
    static async start({ certificates, username, password }) {
        const root = process.env.BELFRY_OPENSMTPD;
        if (!root) {
            OpenSmtpd.fault = 'BELFRY_OPENSMTPD does not say where it is';
            return null;
        }
        const o = new OpenSmtpd();
        o.dir = await mkdtemp(path.join(tmpdir(), 'belfry-opensmtpd-'));
        await chmod(o.dir, 0o755);
        o.port = await freePort();
        o.plainPort = await freePort();
        const command = [SCRIPT, path.resolve(root), o.dir, String(o.port),
            String(o.plainPort), certificates.certFile, certificates.keyFile, username, password];
        if (process.getuid() !== 0) command.unshift('sudo', '-n');
        o.child = spawn(command[0], command.slice(1),
            { stdio: ['pipe', 'ignore', 'pipe'] });
        o.child.stdin.on('error', () => {});
        let stderr = '';
        o.child.stderr.on('data', (d) => (stderr += d));
        o.exit = once(o.child, 'close').then(() => (o.hasEnded = true));
        await until(() => `OpenSMTPD is up: ${stderr}`, () =>
            o.hasEnded || greets(o.plainPort), { timeout: 20000, every: 100 });
        if (!o.hasEnded) {
            o.tlsFault = await faultOfTls(o.port, certificates.authority);
            return o;
        }
        OpenSmtpd.fault = stderr.trim();
        await rm(o.dir, { recursive: true, force: true });
        return null;
    }

    // The mail in the mailbox that holds this, as npm mailparser reads it.
    async receivedWith(box, text) {
        const dir = path.join(this.dir, 'mail', box, 'new');
        const raw = await until(`a mail for ${box}`, async () => {
            await this.readable();
            for (const name of await readdir(dir).catch(() => [])) {
                const raw = await readFile(path.join(dir, name));
                if (raw.includes(text)) return raw;
            }
            return null;
        }, { timeout: 15000, every: 100 });
        return { raw: raw.toString(), mail: await simpleParser(raw) };
    }

    // The mailboxes belong to their user.
    async readable() {
        if (process.getuid() === 0) return;
        const child = spawn('sudo', ['-n', 'chmod', '-R', 'a+rX',
            path.join(this.dir, 'mail')], { stdio: 'ignore' });
        await once(child, 'close');
    }

    async stop() {
        this.child.stdin.end();
        await this.exit;
        await rm(this.dir, { recursive: true, force: true });
    }
}
