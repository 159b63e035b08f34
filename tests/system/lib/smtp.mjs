// smtp.mjs - a mail server (npm smtp-server) that does to each recipient what
// the test says, and what it took, parsed by npm mailparser.
//
// Steps: 'ok'; '450', '451', '550', ... refuse the recipient with that code;
// 'data451', 'data554' refuse after the dot; 'hang' never answers RCPT; 'cut'
// closes in the middle of DATA; 'drop' takes the dot and closes without a
// word. A recipient's steps are used up one by one; after them all is ok.

import { SMTPServer } from 'smtp-server';
import { simpleParser } from 'mailparser';
import { once } from 'node:events';
import { until } from './until.mjs';

const TEXTS = {
    450: '4.2.1 try again later',
    451: '4.3.0 a local error',
    452: '4.2.2 the box is full',
    550: '5.1.1 no such user here',
    554: '5.7.1 not wanted',
};

function refusal(code) {
    const e = new Error(TEXTS[code] ?? 'refused');
    e.responseCode = Number(code);
    return e;
}

export class MailServer {
    constructor(options) {
        this.scripts = new Map();
        this.messages = [];
        this.attempts = [];
        this.logins = [];
        this.server = new SMTPServer({
            disabledCommands: [
                ...(options.certificates ? [] : ['STARTTLS']),
                ...(options.login ? [] : ['AUTH']),
            ],
            disableReverseLookup: true,
            authOptional: !options.login,
            key: options.certificates?.key,
            cert: options.certificates?.cert,
            secure: options.secure ?? false,
            socketTimeout: 120000,
            closeTimeout: 100,
            onAuth: (auth, session, done) => this.onAuth(options, auth, done),
            onRcptTo: (to, session, done) => this.onRecipient(to, session,
                done),
            onData: (stream, session, done) => this.onData(stream, session,
                done),
        });
        this.server.on('error', () => {}); // clients that leave are expected
    }

    script(address, steps) {
        this.scripts.set(address, [...steps]);
    }

    onAuth(options, auth, done) {
        this.logins.push({ username: auth.username, method: auth.method });
        if (auth.username === options.login.username &&
            auth.password === options.login.password)
            return done(null, { user: auth.username });
        return done(refusal(535));
    }

    onRecipient(to, session, done) {
        const step = this.scripts.get(to.address)?.shift() ?? 'ok';
        this.attempts.push({ address: to.address, step, at: Date.now() });
        session.step = step;
        if (step === 'hang') return;
        if (/^\d{3}$/.test(step)) {
            done(refusal(step));
            return;
        }
        done();
    }

    cut(session) {
        for (const c of this.server.connections)
            if (c.id === session.id) c._socket.destroy();
    }

    onData(stream, session, done) {
        const { step } = session;
        const parts = [];
        stream.on('error', () => {});
        stream.on('data', (d) => {
            parts.push(d);
            if (step === 'cut') this.cut(session);
        });
        stream.on('end', async () => {
            if (step === 'cut') return;
            if (step.startsWith('data')) {
                done(refusal(step.slice(4)));
                return;
            }
            const raw = Buffer.concat(parts);
            this.messages.push({
                at: Date.now(),
                from: session.envelope.mailFrom.address,
                to: session.envelope.rcptTo.map((r) => r.address),
                isSecure: session.secure,
                raw: raw.toString('utf8'),
                mail: await simpleParser(raw),
            });
            if (step === 'drop') this.cut(session);
            else done(null, 'queued as 1');
        });
    }

    to(address) {
        return this.messages.filter((m) => m.to.includes(address));
    }

    // The n-th message for that address, once it is there.
    received(address, n = 1, options) {
        return until(`mail ${n} for ${address}`,
            () => this.to(address)[n - 1], options);
    }

    async listen() {
        const http = this.server.listen(0, '127.0.0.1');
        await once(http, 'listening');
        this.port = http.address().port;
        return this;
    }

    close() {
        return new Promise((done) => this.server.close(done));
    }
}

// options: certificates, secure, login {username, password}
export const mailServer = (options = {}) => new MailServer(options).listen();
