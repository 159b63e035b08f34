// chromium.mjs - Debian's Chromium, without a window.

import { chromium } from 'playwright-core';

export const open = () => chromium.launch({
    executablePath: process.env.BELFRY_CHROMIUM ?? '/usr/bin/chromium',
    // Root, as in a container, has no sandbox of Chromium's own.
    args: process.getuid() === 0 ? ['--no-sandbox'] : [],
});
