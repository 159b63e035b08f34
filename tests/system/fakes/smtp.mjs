// smtp.mjs - a submission server: STARTTLS, a login, one mail to one user.

import { smtpFake, STEPS } from '../lib/smtp_fake.mjs';
import { checkHeaders, FROM, parsedFiles, user } from './mail.mjs';

const PLAIN = Object.keys(STEPS);

export default {
    driver: 'smtp',
    channel: 'email',
    config: { host: 'localhost', from: FROM, username: 'shop',
        password: 'canary-smtp-password', tls: 'starttls' },
    user,
    // Where an HTTP driver has its base_url.
    at: (port) => ({ port }),
    isSecure: true,
    serve: smtpFake,
    shared: [],
    files: (call) => parsedFiles(call.mail),
    faults: Object.fromEntries(PLAIN.map((name) => [name, STEPS[name]])),
    verdicts: {
        'local error': 'retry', busy: 'rate', 'too many recipients': 'rate',
        'no sender': 'rejected', 'login later': 'retry',
        'no starttls': 'credentials', 'no tls': 'credentials',
        'hang early': 'retry', malformed: 'retry', odd: 'unknown',
        cut: 'unknown', 'reset early': 'retry', stranger: 'credentials',
    },

    // What RFC 5321 and 5322 forbid; raw is without its dots.
    faultsOf(call, raw) {
        const faults = [];
        if (call.from !== '<shop@example.com>' &&
            !call.from.startsWith('<shop@example.com> '))
            faults.push(`from ${call.from}`);
        if (call.to.length !== 1 || !/^<tim\d+@example\.net>$/.test(call.to[0]))
            faults.push(`to ${call.to}`);
        if (!call.isSecure || call.user !== this.config.username)
            faults.push('no TLS, or no login');
        if (/(^|[^\r])\n|\r(?!\n)/.test(raw)) faults.push('a bare CR or LF');
        if (raw.split('\r\n').some((l) => l.length > 998))
            faults.push('a line of more than 998 bytes');
        if (/[^\x00-\x7f]/.test(raw)) faults.push('bytes outside ASCII');
        return faults;
    },

    check(assert, call) {
        assert.equal(call.mail.subject, 'Order 7');
        assert.equal(call.mail.text.trim(), 'It is paid.');
        assert.match(call.mail.messageId, /^<dlv_\w+@example\.com>$/);
        checkHeaders(assert, call.mail.headerLines.map(({ key, line }) => ({
            name: key, value: line.slice(line.indexOf(':') + 1).trim()
                .replace(/\r\n\s+/g, ' ') })));
    },

    // Beyond what every driver has to do.
    more(it, assert, run) {
        it('uses a session again', async () => {
            await run.configure(undefined, { concurrency: 1 });
            run.provider.script([]);
            const n = run.provider.n_sessions;
            for (let i = 0; i < 5; i++)
                await run.reaches(await run.send(), 'sent');
            assert.equal(run.provider.n_sessions, n + 1);
        });
    },
};
