// all.mjs - the faces of every provider that has a driver.

import apns from './apns.mjs';
import discord from './discord.mjs';
import fcm from './fcm.mjs';
import gotify from './gotify.mjs';
import mailgun from './mailgun.mjs';
import ntfy from './ntfy.mjs';
import pagerduty from './pagerduty.mjs';
import postmark from './postmark.mjs';
import pushover from './pushover.mjs';
import resend from './resend.mjs';
import sendgrid from './sendgrid.mjs';
import ses from './ses.mjs';
import slack from './slack.mjs';
import smtp from './smtp.mjs';
import teams from './teams.mjs';
import telegram from './telegram.mjs';
import twilio, { makeFace as makeTwilio } from './twilio.mjs';
import vonage from './vonage.mjs';
import vonageMessages from './vonage_messages.mjs';
import waha from './waha.mjs';
import webPush from './web_push.mjs';
import cloud, { makeFace as makeCloud } from './whatsapp_cloud.mjs';

const template = { name: 'order_update', language: 'en_US',
    parameters: ['title', 'body'] };

export const faces = [
    apns,
    fcm,
    ntfy,
    mailgun,
    postmark,
    resend,
    sendgrid,
    ses,
    smtp,
    twilio,
    makeTwilio('whatsapp'),
    vonage,
    vonageMessages,
    waha,
    webPush,
    cloud,
    makeCloud(template),
    gotify,
    pushover,
    pagerduty,
    discord,
    ...teams,
    ...slack,
    ...telegram,
];
