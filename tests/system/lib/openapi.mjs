// openapi.mjs - is an exchange one that the served document describes? ajv is
// the judge: draft 2020-12, as OpenAPI 3.1 says.

import assert from 'node:assert/strict';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const escape = (s) => s.replace(/~/g, '~0').replace(/\//g, '~1');
const pointer = (...parts) =>
    'belfry#/' + parts.map((p) => encodeURIComponent(escape(p))).join('/');

export class Document {
    constructor(document) {
        assert.match(document.openapi, /^3\.1\./);
        this.document = document;
        this.ajv = new Ajv2020({ strict: false, allErrors: true });
        addFormats(this.ajv);
        this.ajv.addSchema(document, 'belfry', undefined, false);
        this.compiled = new Map();
        // Literal segments before parameters, as routers go.
        this.paths = Object.keys(document.paths).map((path) => ({
            path,
            pattern: new RegExp('^' + path.split('/').map((s) =>
                (/\{.*\}/.test(s) ? '[^/]+' :
                    s.replace(/[.*+?^$()|[\]\\]/g, '\\$&'))).join('/') + '$'),
            parameters: (path.match(/\{/g) ?? []).length,
        })).sort((a, b) => a.parameters - b.parameters);
    }

    validator(...parts) {
        const ref = pointer(...parts);
        if (!this.compiled.has(ref))
            this.compiled.set(ref, this.ajv.compile({ $ref: ref }));
        return this.compiled.get(ref);
    }

    // Follows a $ref of the document's own; answers where it leads.
    resolve(parts) {
        let node = this.document;
        for (const p of parts) node = node?.[p];
        if (!node?.$ref) return [node, parts];
        const to = node.$ref.replace(/^#\//, '').split('/')
            .map((p) => decodeURIComponent(p).replace(/~1/g, '/')
                .replace(/~0/g, '~'));
        return this.resolve(to);
    }

    faults(validate, value, what) {
        if (validate(value)) return [];
        return validate.errors.slice(0, 4).map((e) =>
            `${what}${e.instancePath}: ${e.message} ` +
            JSON.stringify(e.params) +
            ` in ${JSON.stringify(value)?.slice(0, 300)}`);
    }

    find(route) {
        const bare = route.split('?')[0];
        return this.paths.find((p) => p.pattern.test(bare))?.path;
    }

    // Lines about what is wrong with it; none when all is well.
    check(request, answer) {
        const method = request.method.toLowerCase();
        const path = this.find(request.route);
        if (!path)
            return [404, 401].includes(answer.status) ? [] :
                [`${answer.status} from a path that is not in the document`];
        const operation = this.document.paths[path][method];
        if (!operation)
            return [405, 401].includes(answer.status) ? [] :
                [`${answer.status} from a method that is not in the document`];
        const at = ['paths', path, method];
        return [...this.checkAnswer(at, operation, answer),
            ...this.checkRequest(at, operation, request, answer)];
    }

    checkAnswer(at, operation, answer) {
        const name = String(answer.status) in operation.responses ?
            String(answer.status) :
            `${String(answer.status)[0]}XX` in operation.responses ?
                `${String(answer.status)[0]}XX` : 'default';
        if (!(name in operation.responses))
            return [`status ${answer.status} is not in the document`];
        const [response, where] = this.resolve([...at, 'responses', name]);
        for (const [header, { required }] of this.headersOf(response))
            if (required && !answer.headers?.has(header))
                return [`${answer.status} lacks ${header}`];
        if (!answer.text)
            return response.content ? ['an answer without its body'] : [];
        const media = response.content?.[answer.type];
        if (!media)
            return [`${answer.status} has type "${answer.type}", which is ` +
                'not in the document'];
        if (!media.schema || answer.body === undefined) return [];
        return this.faults(
            this.validator(...where, 'content', answer.type, 'schema'),
            answer.body, `answer ${answer.status}`);
    }

    headersOf(response) {
        return Object.entries(response.headers ?? {}).map(([name, header]) =>
            [name, header.$ref ? this.resolve([...header.$ref.slice(2)
                .split('/')])[0] : header]);
    }

    // What the server took must be what the document asks for.
    checkRequest(at, operation, request, answer) {
        const { body, contentType } = request;
        if (answer.status >= 300 || body === undefined) return [];
        if (!operation.requestBody)
            return ['took a body that is not in the document'];
        const [wanted, where] = this.resolve([...at, 'requestBody']);
        const type = contentType?.split(';')[0];
        if (!(type in wanted.content))
            return [`took type "${type}", which is not in the document`];
        if (type !== 'application/json' || typeof body !== 'object' ||
            Buffer.isBuffer(body) || !wanted.content[type].schema) return [];
        return this.faults(this.validator(...where, 'content', type, 'schema'),
            body, 'request');
    }
}

export async function loadDocument(url) {
    const response = await fetch(`${url}/openapi.json`);
    assert.equal(response.status, 200, '/openapi.json is served');
    return new Document(await response.json());
}
