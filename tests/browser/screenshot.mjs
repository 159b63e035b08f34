// Draws docs/dev-page.png anew: BELFRY_BIN=build/belfry node screenshot.mjs FILE

import { ROOT_KEY, start } from '../system/lib/belfry.mjs';
import { open } from './lib/chromium.mjs';

const receipt = `<div style="font: 15px/1.5 Georgia, serif; color: #223;
  max-width: 34rem; margin: 1.2rem auto; padding: 0 1.2rem">
<h1 style="font-size: 1.35rem; border-bottom: 3px solid #0a7a5c;
  padding-bottom: .5rem">Thank you, Ada</h1>
<p>Your order <b>#20417</b> is on its way. It should be with you on
<b>Tuesday, 24 November</b>.</p>
<table style="width: 100%; border-collapse: collapse; margin: 1rem 0">
<tr><td>Field notebook, A5, dotted</td><td align="right">2 &times; 9.50</td></tr>
<tr><td>Fountain pen, fine</td><td align="right">1 &times; 28.00</td></tr>
<tr style="border-top: 1px solid #99a"><td><b>Total</b></td>
<td align="right"><b>47.00 EUR</b></td></tr></table>
<p><a style="background: #0a7a5c; color: #fff; padding: .5rem 1rem;
  text-decoration: none; border-radius: 4px"
  href="https://shop.example/orders/20417">Track your order</a></p>
<p style="color: #778; font-size: .85rem">Harbour Stationery, Bremen</p></div>`;

const belfry = await start({ dev: true });
const browser = await open();
try {
    await belfry.put('/v1/users/ada', { email: 'ada@example.com' });
    await belfry.put('/v1/users/grace', { email: 'grace@example.com',
        webhook: 'https://hooks.example.com/orders' });
    for (const body of [
        { to: 'ada', title: 'Confirm your address', channels: ['email'],
            body: 'Hello Ada, please confirm that this address is yours.' },
        { to: 'grace', title: 'Order 20417 was paid', channels: ['webhook'],
            body: '47.00 EUR by card', data: { order: 20417 } },
        { to: 'ada', title: 'Your order is on its way', channels: ['email'],
            body: 'Order #20417 should be with you on Tuesday.',
            html: receipt },
    ]) await belfry.settled(await belfry.send(body));
    const page = await browser.newPage({
        viewport: { width: 1200, height: 700 }, colorScheme: 'light' });
    await page.goto(`${belfry.url}/dev#key=${ROOT_KEY}`);
    await page.getByText('Your order is on its way').first().click();
    await page.frameLocator('#view iframe').getByText('Track your order')
        .waitFor();
    await page.mouse.move(600, 5);
    await page.screenshot({ path: process.argv[2] });
} finally {
    await browser.close();
    await belfry.stop();
}
