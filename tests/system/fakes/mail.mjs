// mail.mjs - what the faces of mail services share: the address that the
// drivers write to, and what a mail looks like once it is there.

export const FROM = 'Shop <shop@example.com>';
export const user = (serial) => ({ email: `tim${serial}@example.net` });

// "Name" <a@b> or a@b; null: neither.
export function parseAddress(s) {
    const m = /^(?:"((?:[^"\\]|\\.)*)" <([^<>]+)>|([^<>"\s]+))$/.exec(s ?? '');
    const spec = m?.[2] ?? m?.[3];
    if (!/^[^\s@]+@[a-z0-9.-]+$/i.test(spec ?? '')) return null;
    return { name: m[1]?.replace(/\\(.)/g, '$1'), spec };
}

export const isToUser = (spec) => /^tim\d+@example\.net$/.test(spec);
export const isFromShop = (s) => parseAddress(s)?.spec === 'shop@example.com';
export const hasOwn = (headers, name) =>
    headers.find((h) => h.name.toLowerCase() === name.toLowerCase())?.value;

// headers: [{name, value}]
export function checkHeaders(assert, headers) {
    assert.match(hasOwn(headers, 'List-Unsubscribe'),
        /^<https?:\/\/\S+\/u\/\S+>$/);
    assert.equal(hasOwn(headers, 'List-Unsubscribe-Post'),
        'List-Unsubscribe=One-Click');
    assert.equal(hasOwn(headers, 'Auto-Submitted'), 'auto-generated');
}

// What a file is, of whichever face: {filename, type, content (Buffer)}.
export const parsedFiles = (mail) => mail.attachments.map((a) => ({
    filename: a.filename, type: a.contentType, content: a.content }));

const BASE64 = new RegExp('^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|'
    + '[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)$');
export const isBase64 = (s) => typeof s === 'string' && BASE64.test(s);
export const fileOf = (filename, type, content) => ({ filename, type,
    content: Buffer.from(content, 'base64') });
