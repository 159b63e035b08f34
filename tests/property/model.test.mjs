// The comparison can fail: each of these models is wrong about one thing, and
// every sequence in which that shows is found to differ. And what differs is
// told by a few commands.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { generate } from './generate.mjs';
import { Model } from './model.mjs';
import { differences, shrink, story } from './run.mjs';
import { scriptOf } from './script.mjs';

const WITHIN = 4000; // sequences, from the first on
const LOOKED_AT = 5;
const store = 'memory';

const MUTANTS = {
    'nobody is muted': class extends Model {
        isMuted() { return false; }
    },
    'a night ends a minute late': class extends Model {
        quietUntil(...args) {
            const end = super.quietUntil(...args);
            return end && end + 60_000;
        }
    },
    'the channel goes before the category': class extends Model {
        chosenIn(preferences, category, channel) {
            return super.chosenIn(
                { channels: preferences.channels }, category, channel) ??
                super.chosenIn(preferences, category, channel);
        }
    },
    'the workspace has no say': class extends Model {
        unwanted(...args) {
            this.defaults = {};
            return super.unwanted(...args);
        }
    },
    'the workspace goes before the user': class extends Model {
        unwanted(n, user, channel) {
            const said = this.chosenIn(this.defaults, n.category, channel);
            return typeof said === 'string' ? said
                : super.unwanted(n, user, channel);
        }
    },
    'what is critical waits for the morning': class extends Model {
        isCritical() { return false; }
    },
    'an address that is gone is written to': class extends Model {
        leaveOut() {}
    },
    'one more than the throttle allows': class extends Model {
        take(place) {
            this.taken.shift();
            return super.take(place);
        }
    },
    'a digest counts once a channel': class extends Model {
        take(place) {
            return super.take({ ...place, n: {} });
        }
    },
    'a duplicate takes a place': class extends Model {
        accept(name, body) {
            const answer = super.accept(name, body);
            if (answer.duplicate && this.category(body.category).throttle) {
                this.recipients(body.to).forEach((user) =>
                    this.take({ n: {}, user, category: body.category,
                        at: this.now }));
            }
            return answer;
        }
    },
    'a digest disturbs nobody': class extends Model {
        close(w) {
            const { attention } = this;
            this.attention = null;
            super.close(w);
            this.attention = attention;
        }
    },
    'what attention puts off is asked about again': class extends Model {
        isPutOff() { return false; }
    },
    'what attention defers gathers': class extends Model {
        overflow(...args) {
            const { attention } = this;
            this.attention = { ...attention, overflow:
                attention.overflow === 'defer' ? 'digest' : attention.overflow };
            super.overflow(...args);
            this.attention = attention;
        }
    },
    'an inbox disturbs': class extends Model {
        spend(n, user, fates, isPutOff) {
            const shown = fates.map((fate) => ({ ...fate, channel: 'loud' }));
            super.spend(n, user, shown, isPutOff);
            fates.forEach((fate, i) => Object.assign(fate, shown[i],
                { channel: fate.channel }));
        }
    },
    'what waits goes to who has left': class extends Model {
        stops(d) {
            const { suppressed } = this;
            this.suppressed = new Map();
            const does = super.stops(d);
            this.suppressed = suppressed;
            return does;
        }
    },
    'what is turned off is tried again': class extends Model {
        callAgain(d, early) {
            if (this.unwanted(d.n, d.user, d.channel)) this.call(d, early);
            else super.callAgain(d, early);
        }
    },
    'what nobody decided goes out': class extends Model {
        lapse(n) { this.decideNow(n, 'approved'); }
    },
    'what is rejected goes out when it was to': class extends Model {
        decideNow(n, decision) {
            return super.decideNow(n, n.due > this.now ? 'approved' : decision);
        }
    },
    'a duplicate begins the window anew': class extends Model {
        duplicate(key) {
            const first = super.duplicate(key);
            if (first) this.keys.get(key).until = this.now + 1_800_000;
            return first;
        }
    },
    'a sliding window does not slide': class extends Model {
        windowEnd(digest, opened, user) {
            return super.windowEnd({ ...digest, mode: 'fixed' }, opened, user);
        }
    },
    'a cancelled member stays in its digest': class extends Model {
        cancelOne(d) {
            super.cancelOne(d);
            const held = { ...d, status: 'held' };
            this.windows.forEach((w) => w.members.push(...
                w.members.includes(d) ? [held] : []));
        }
    },
    'a fourth attempt is made': class extends Model {
        isExhausted(d, provider) {
            return this.tries(d, provider) >= 4;
        }
    },
    'no other provider takes over': class extends Model {
        candidates(d) {
            return super.candidates(d).filter((p) => p === d.provider);
        }
    },
    'another provider repeats what may have been sent': class extends Model {
        tryAgain(d, answer, early) {
            super.tryAgain(d, { ...answer, isLate: false }, early);
        }
    },
    'days are those of UTC': class extends Model {
        zone() { return 'UTC'; }
    },
    'what expires in a digest goes out': class extends Model {
        close(w) {
            w.members.forEach((d) => { d.n.expires = undefined; });
            super.close(w);
        }
    },
    'a restart forgets the throttles': class extends Model {
        begin() {
            this.taken = [];
            super.begin();
        }
    },
    'who reads has not seen': class extends Model {
        mark(user, item, verb) {
            const { seen } = item;
            super.mark(user, item, verb);
            if (verb === 'read') item.seen = seen;
        }
    },
};

const done = (lines) => lines.filter((l) => !l.startsWith('expect')).join('\n');

// The first in which the same is done and something else is expected, which is
// more than to expect nothing.
function showing(Rules) {
    const found = [];
    for (let seed = 1; seed <= WITHIN && found.length < LOOKED_AT; seed++) {
        const sequence = generate(seed);
        const { lines } = scriptOf(sequence, Rules);
        const said = new Set(sequence.lines);
        if (lines && done(lines) === done(sequence.lines) &&
            lines.some((line) => !said.has(line))) {
            found.push({ ...sequence, lines });
        }
    }
    return found;
}

describe('the comparison', { timeout: 3600000 }, () => {
    for (const [name, Rules] of Object.entries(MUTANTS)) {
        it(`finds a model in which ${name}`, async () => {
            const sequences = showing(Rules);
            assert.notEqual(sequences.length, 0, 'no sequence shows it');
            const found = await differences(sequences, { store });
            assert.deepEqual(found.map(({ seed }) => seed),
                sequences.map(({ seed }) => seed));
        });
    }

    it('makes a difference small, and tells it as a scenario', async () => {
        const Rules = MUTANTS['nobody is muted'];
        const [sequence] = showing(Rules);
        const small = await shrink(sequence, { store, Rules });
        assert.ok(small.commands.length <= 2, JSON.stringify(small.commands));
        const text = await story(small, { store });
        assert.match(text, new RegExp(`^scenario: seed ${sequence.seed}\n`));
        assert.match(text, /muted_until/);
        assert.match(text, /pref\.global_off/);
    });

    it('makes the same sequence for the same seed, and another for another',
        () => {
            assert.deepEqual(generate(7), generate(7));
            assert.notDeepEqual(generate(7).commands, generate(8).commands);
        });
});
