// all.mjs - the faces of every provider that has a driver.

import ntfy from './ntfy.mjs';

export const faces = [ntfy];
