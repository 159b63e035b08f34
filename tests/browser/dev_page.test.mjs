// The page of the development sink, in a real browser: it shows what was
// caught, and what a message holds can do nothing there.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ROOT_KEY, start } from '../system/lib/belfry.mjs';
import { receiver } from '../system/lib/webhook.mjs';
import { open } from './lib/chromium.mjs';

const hostile = (tracker) => `<p id="hello">Hello <b>Ada</b></p>
<script>document.title = top.document.title = 'ran'; fetch('/ran');</script>
<img src="${tracker}" onerror="document.title='ran'">
<div style="background: url(${tracker})">x</div>
<link rel="stylesheet" href="${tracker}">
<img src="x" onerror="parent.postMessage('ran','*')">
<svg onload="top.location='/ran'"></svg>
<iframe src="javascript:top.document.title='ran'"></iframe>
<a id="away" href="/ran" target="_top">away</a>
<form action="/ran" target="_top"><button id="go">go</button></form>
<meta http-equiv="refresh" content="0;url=/ran">
</body></html><script>top.document.title='ran'</script>`;

describe('the dev page', { timeout: 120000 }, () => {
    let belfry, browser, tracker;

    before(async () => {
        tracker = await receiver();
        belfry = await start({ dev: true });
        browser = await open();
        await belfry.put('/v1/users/ada', { email: 'ada@example.org' });
        for (const [title, html] of [['Plain <i>title</i>', undefined],
            ['Hostile', hostile(tracker.url('/seen'))]])
            await belfry.settled(await belfry.send({ to: 'ada', title, html,
                body: 'the <b>text</b>', channels: ['email'] }));
    });
    after(async () => {
        await browser?.close();
        await tracker?.close();
        await belfry?.stop();
    });

    // A page, what was answered to it, and what it complained of.
    async function visit(t, hash = `#key=${ROOT_KEY}`) {
        const page = await browser.newPage();
        const seen = { answers: [], errors: [] };
        page.on('response', (r) => seen.answers.push(r.url()));
        page.on('pageerror', (e) => seen.errors.push(String(e)));
        page.on('dialog', (d) => seen.errors.push(`dialog ${d.message()}`));
        t.after(() => page.close());
        await page.goto(`${belfry.url}/dev${hash}`);
        return { page, ...seen };
    }

    it('lists what was caught, newest first, as text', async (t) => {
        const { page, errors } = await visit(t);
        await page.waitForSelector('#list li');
        assert.deepEqual(await page.locator('#list .title').allTextContents(),
            ['Hostile', 'Plain <i>title</i>']);
        assert.match(await page.locator('#state').textContent(), /2 messages/);
        await page.getByText('Plain <i>title</i>').first().click();
        assert.equal(await page.locator('#title').textContent(),
            'Plain <i>title</i>');
        assert.equal(await page.locator('#view pre').textContent(),
            'the <b>text</b>');
        assert.match(await page.locator('#facts').textContent(),
            /ada@example\.org/);
        await page.getByRole('tab', { name: 'Request' }).click();
        assert.match(await page.locator('#view pre').textContent(),
            /^SMTP [^]*Subject: /);
        // What it was opened with does not stay in the address.
        assert.equal(new URL(page.url()).hash, '');
        assert.deepEqual(errors, []);
    });

    it('shows HTML in a frame where nothing runs or leaves', async (t) => {
        const { page, answers, errors } = await visit(t);
        await page.getByText('Hostile').first().click();
        const frame = page.locator('#view iframe');
        assert.equal(await frame.getAttribute('sandbox'), '');
        const inside = page.frameLocator('#view iframe');
        assert.equal(await inside.locator('#hello').textContent(),
            'Hello Ada');
        await inside.locator('#go').click();
        await inside.locator('#away').click();
        // What runs would have run by the time the page has polled again.
        await page.waitForResponse(/dev\/messages/);
        await page.waitForResponse(/dev\/messages/);
        assert.equal(await page.title(), 'Belfry dev sink');
        assert.equal(new URL(page.url()).pathname, '/dev');
        assert.ok(answers.length >= 4);
        const alien = answers.filter((u) => !u.startsWith('about:') &&
            !/^\/(dev(\/\w+\.\w+)?|v1\/dev\/messages)$/.test(
                new URL(u).pathname));
        assert.deepEqual(alien, []);
        assert.deepEqual(tracker.all, []);
        assert.deepEqual(errors, []);
    });

    it('shows what comes while it is open, and forgets when told',
        async (t) => {
            const { page } = await visit(t);
            await page.waitForSelector('#list li');
            await belfry.send({ to: 'ada', title: 'Just now',
                channels: ['email'] });
            await page.getByText('Just now').first().waitFor();
            await page.getByRole('button', { name: 'Clear all' }).click();
            await page.locator('#empty').waitFor();
            assert.deepEqual((await belfry.get('/v1/dev/messages')).data, []);
        });

    it('asks for the key, and takes no other', async (t) => {
        const { page } = await visit(t, '');
        await page.getByLabel(/dev key/).fill('bf_wrong');
        await page.getByRole('button', { name: 'Open' }).click();
        await page.getByText('this key does not open it').waitFor();
        assert.ok(!await page.locator('#main').isVisible());
        await page.getByLabel(/dev key/).fill(ROOT_KEY);
        await page.getByRole('button', { name: 'Open' }).click();
        await page.locator('#main').waitFor();
    });
});
