// all.mjs - the faces of every provider that has a driver.

import ntfy from './ntfy.mjs';
import twilio, { makeFace as makeTwilio } from './twilio.mjs';
import vonage from './vonage.mjs';
import waha from './waha.mjs';

export const faces = [ntfy, twilio, makeTwilio('whatsapp'), vonage, waha];
