// What is learned of when people read, where their workspace wants that.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';
import { until } from './lib/until.mjs';

describe('best times', { timeout: 120000 }, () => {
    let b;
    const reads = async () => Number(
        (await b.get('/v1/users/ada/best_time')).reads);
    const read_one = async () => {
        await b.send({ to: 'ada', title: 't' });
        const [item] = (await b.get('/v1/inbox?user=ada')).data;
        await b.want(200, 'POST', `/v1/inbox/${item.id}/read?user=ada`);
    };
    const learn = (yes) => b.want(200, 'PUT', '/v1/workspaces/default',
        { name: 'Default', best_time: { learn: yes } });

    before(async () => {
        b = await start({ roles: 'all' });
        await b.put('/v1/users/ada', {});
    });
    after(() => b?.stop());

    it('are learned from what is read', async () => {
        await read_one();
        assert.equal(await reads(), 1);
    });

    it('are forgotten, and not learned any more, where that is switched off',
        async () => {
            await learn(false);
            await until('it is forgotten', async () => await reads() === 0,
                { timeout: 30000 });
            await read_one();
            assert.equal(await reads(), 0);
            await learn(true);
            await read_one();
            assert.equal(await reads(), 1);
        });

    it('are a switch and nothing else', async () => {
        const no = await b.api('PUT', '/v1/workspaces/default',
            { best_time: { learn: 'no' } });
        assert.equal(no.status, 422);
        assert.equal(no.body.errors[0].pointer, '/best_time/learn');
    });
});
