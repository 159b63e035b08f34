// cluster_main.mjs - `./dev chaos cluster [ROUNDS] [--seed N] ...`.

import { parseArgs } from 'node:util';
import path from 'node:path';
import { print } from './checker.mjs';
import { run } from './cluster.mjs';

const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
        seed: { type: 'string' },
        rate: { type: 'string', default: '2400' },
        series: { type: 'string', default: '5' },
        only: { type: 'string', multiple: true },
        minutes: { type: 'string', default: '60' }, // the longest
        keep: { type: 'boolean', default: false },
    },
});
const rounds = Number(positionals[0] ?? 200);
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6));
if (!Number.isInteger(rounds) || rounds < 1 || !Number.isInteger(seed)) {
    console.error('usage: ./dev chaos cluster [ROUNDS] [--seed N] [--rate N] ' +
        '[--series N] [--minutes N] [--only FAULT]... [--keep]');
    process.exit(2);
}
console.error(`seed ${seed}`);
const total = await run({
    rounds, seed, rate: Number(values.rate), series: Number(values.series),
    only: values.only, keep: values.keep, minutes: Number(values.minutes),
    binary: path.resolve(process.env.BELFRY_BIN ?? 'build/belfry'),
    log: (line) => console.error(line),
    onStart: (end) => {
        for (const signal of ['SIGINT', 'SIGTERM'])
            process.once(signal, () => end().finally(() => process.exit(130)));
    },
});
console.log(`answers: ${JSON.stringify(total.answers)}`);
print({ ...total, faults: {} });
console.log(`${total.rounds} rounds, ${Math.round(
    total.figures.acknowledged / total.load_ms * 1000)} accepted a second`);
if (total.failed) {
    const { dir, seed: at } = total.failed;
    print(total.failed);
    console.log(`kept: ${dir}`);
    console.log(`again: ./dev chaos cluster ${values.series} --seed ${at} ` +
        `--rate ${values.rate}${(values.only ?? []).map((o) =>
            ` --only '${o}'`).join('')}`);
    process.exit(1);
}
