// smtp_fake.mjs - a submission server of our own that speaks byte by byte, so
// that it can also speak wrongly: in the middle of a reply, of TLS, of nothing.
// It looks to drivers.test.mjs as the fakes of HTTP APIs do (fake.mjs); what it
// took is read by npm mailparser, and what no mail may have is a fault.
//
// Steps, each for one mail: 'ok'; those of STEPS. Some come with the session,
// so a script ends the sessions that are open.

import net from 'node:net';
import tls from 'node:tls';
import { once } from 'node:events';
import { simpleParser } from 'mailparser';
import { until } from './until.mjs';

// By the command that is answered so: greeting, EHLO, STARTTLS, AUTH, MAIL,
// RCPT, DATA, dot. 'HANG', 'CLOSE': that is done, and nothing said.
export const STEPS = {
    transient: { RCPT: '450 4.2.1 try again later' },
    'local error': { dot: '451 4.3.0 a local error' },
    busy: { greeting: '421 4.7.0 too busy, come again' },
    rate: { MAIL: '450 4.7.1 too many mails from you' },
    'too many recipients': { RCPT: '452 4.5.3 too many recipients' },
    permanent: { dot: '554 5.7.1 not wanted' },
    'no sender': { MAIL: '550 5.7.1 not from there' },
    gone: { RCPT: '550 5.1.1 no such user' },
    credentials: { AUTH: '535 5.7.8 bad login' },
    'login later': { AUTH: '454 4.7.0 cannot tell now' },
    'no starttls': { EHLO: '250-mx.example\r\n250 AUTH PLAIN LOGIN' },
    'no tls': { STARTTLS: '220 go', isGarbledTls: true },
    slow: { RCPT: 'SLOW', dot: 'SLOW' },
    hang: { dot: 'HANG' },
    'hang early': { greeting: 'HANG' },
    malformed: { MAIL: 'what do you want?' },
    odd: { dot: '999 9.9.9 taken, or not' },
    cut: { dot: '250 2.0', isCut: true },
    half: { dot: '250-2.0.0 taken\r\n', isCut: true },
    reset: { dot: 'CLOSE' },
    'reset early': { DATA: 'CLOSE' },
};
const OF_SESSION = ['greeting', 'EHLO', 'STARTTLS', 'AUTH'];
const beginsSession = (step) => OF_SESSION.some((k) => STEPS[step]?.[k]);

class Session {
    constructor(fake, socket) {
        this.fake = fake;
        this.use(socket);
        this.isSecure = false;
        this.call = beginsSession(fake.steps[0]) ? fake.nextCall() : null;
        this.say('greeting', '220 mx.example ESMTP');
    }

    use(socket) {
        this.socket = socket;
        this.text = '';
        socket.on('error', () => {});
        socket.on('data', (d) => {
            this.text += d.toString('latin1');
            this.read();
        });
    }

    // What the step has in place of the usual.
    say(where, usual) {
        const step = STEPS[this.call?.step] ?? {};
        const words = step[where] ?? usual;
        if (words === 'HANG') return;
        if (words === 'CLOSE') this.socket.destroy();
        else if (step.isCut && step[where]) this.socket.end(words);
        else if (words === 'SLOW')
            setTimeout(() => this.socket.write(`${usual}\r\n`), 300);
        else this.socket.write(`${words}\r\n`);
    }

    read() {
        for (;;) {
            const end = this.isData ? this.text.indexOf('\r\n.\r\n') :
                this.text.indexOf('\r\n');
            if (end < 0) return;
            const part = this.text.slice(0, end);
            this.text = this.text.slice(end + (this.isData ? 5 : 2));
            if (this.isData) this.take(part);
            else if (!this.obey(part)) return;
        }
    }

    // False: what comes next is no command.
    obey(line) {
        const verb = line.split(' ')[0].toUpperCase();
        this.fake.commands.push(line);
        if (verb === 'EHLO') {
            this.say('EHLO', ['250-mx.example', '250-PIPELINING',
                '250-8BITMIME', ...(this.isSecure ? [] : ['250-STARTTLS']),
                ...(this.fake.offers ?? []).map((k) => `250-${k}`),
                '250 AUTH PLAIN LOGIN'].join('\r\n'));
        } else if (verb === 'STARTTLS') {
            this.upgrade();
            return false;
        } else if (verb === 'AUTH') {
            this.login(line);
        } else if (verb === 'MAIL') {
            this.call ??= this.fake.nextCall();
            Object.assign(this.call, { from: line.slice(10), to: [],
                isSecure: this.isSecure, user: this.user });
            this.say('MAIL', '250 2.1.0 ok');
        } else if (verb === 'RCPT') {
            this.call.to.push(line.slice(8));
            this.say('RCPT', '250 2.1.5 ok');
        } else if (verb === 'DATA') {
            this.isData = !STEPS[this.call.step]?.DATA;
            this.text = this.isData ? `\r\n${this.text}` : this.text;
            this.say('DATA', '354 go ahead');
        } else if (verb === 'QUIT') {
            this.socket.end('221 2.0.0 bye\r\n');
        } else {
            this.socket.write('502 5.5.1 what?\r\n');
        }
        return true;
    }

    upgrade() {
        const { key, cert } = this.fake.certificates;
        const isGarbled = STEPS[this.call?.step]?.isGarbledTls;
        const raw = this.socket;
        raw.removeAllListeners('data');
        raw.write('220 2.0.0 go\r\n');
        if (isGarbled) {
            raw.once('data', () => raw.end('this is no TLS\r\n'));
            return;
        }
        this.isSecure = true;
        this.use(new tls.TLSSocket(raw, { isServer: true, key, cert }));
    }

    login(line) {
        const [, , word] = line.split(' ');
        const [, user, password] = Buffer.from(word ?? '', 'base64')
            .toString().split('\0');
        const { username, password: wanted } = this.fake.face.config;
        const isKnown = user === username && password === wanted;
        if (isKnown) this.user = user;
        this.say('AUTH', isKnown ? '235 2.7.0 welcome' : '535 5.7.8 no');
    }

    async take(stuffed) {
        const { call } = this;
        this.isData = false;
        this.call = null;
        const raw = stuffed.replaceAll('\r\n..', '\r\n.').slice(2);
        call.raw = Buffer.from(`${raw}\r\n`, 'latin1');
        call.body = call.raw.toString('utf8');
        call.faults.push(...this.fake.face.faultsOf(call, raw));
        call.mail = await simpleParser(call.raw);
        this.call = call;
        this.say('dot', '250 2.0.0 Ok: queued as 7BX');
        this.call = null;
    }
}

export class SmtpFake {
    // options: certificates, offers (extensions, beyond the usual)
    constructor(face, options) {
        this.face = face;
        this.certificates = options.certificates;
        this.offers = options.offers;
        this.steps = [];
        this.calls = [];
        this.commands = [];
        this.n_sessions = 0;
        this.sockets = new Set();
        this.server = net.createServer((socket) => {
            this.n_sessions++;
            this.sockets.add(socket);
            socket.on('close', () => this.sockets.delete(socket));
            new Session(this, socket);
        });
    }

    script(steps) {
        this.steps = [...steps];
        for (const socket of this.sockets) socket.destroy();
    }

    nextCall() {
        const call = { at: Date.now(), step: this.steps.shift() ?? 'ok',
            faults: [] };
        this.calls.push(call);
        return call;
    }

    called(n = 1, options) {
        return until(`mail ${n}`, () => this.calls[n - 1], options);
    }

    async listen() {
        this.server.listen(0, '127.0.0.1');
        await once(this.server, 'listening');
        this.base = this.server.address().port;
        return this;
    }

    close() {
        for (const socket of this.sockets) socket.destroy();
        return new Promise((done) => this.server.close(done));
    }
}

export const smtpFake = (face, options) =>
    new SmtpFake(face, options).listen();
