// main.mjs - `./dev property`: random sequences through Belfry and the model,
// and the smallest part of each that differs.
// usage: main.mjs [--seeds N] [--first SEED] [--store STORE] [--shown N]

import { parseArgs } from 'node:util';

import { explore } from './run.mjs';

const { values } = parseArgs({ options: {
    seeds: { type: 'string', default: '1000' },
    first: { type: 'string', default: '1' },
    store: { type: 'string', default: 'memory' },
    shown: { type: 'string', default: '3' },
} });
const failed = await explore({ seeds: Number(values.seeds),
    first: Number(values.first), store: values.store,
    shown: Number(values.shown), tell: (text) => console.log(text) });

if (failed.length > 0) console.log(`differ: ${failed.join(' ')}`);
console.log(`${values.seeds - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length > 0 ? 1 : 0;
