// until.mjs - wait for a fact, not for a time.

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// The first true value of `look`; an error that says what was waited for.
export async function until(what, look, { timeout = 10000, every = 25 } = {}) {
    const deadline = Date.now() + timeout;
    for (;;) {
        const found = await look();
        if (found) return found;
        if (Date.now() > deadline) {
            const text = typeof what === 'function' ? what() : what;
            throw new Error(`not in ${timeout} ms: ${text}`);
        }
        await pause(every);
    }
}
