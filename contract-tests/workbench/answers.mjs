// Answers prefetch templates as the workbench's page does, for a test that compares it with the EHR of the try-out.
// Usage: node answers.mjs FOLDER-OF-MODULES < {"bundles": [...], "cases": [{bundle: index, templates, context, today}]}
// Prints a list: for each case the prefetch, or {"refused": words} for what is no Bundle.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const folder = process.argv[2];
const module = (name) => import(pathToFileURL(join(folder, name)).href);
const { answerPrefetch } = await module("prefetch.js");
const { NotABundle } = await module("record.js");

const { bundles, cases } = JSON.parse(readFileSync(0, "utf-8"));
const told = cases.map(({ bundle, templates, context, today }) => {
  try {
    return answerPrefetch(bundles[bundle], templates, context, today);
  } catch (error) {
    if (!(error instanceof NotABundle)) throw error;
    return { refused: error.message };
  }
});
process.stdout.write(JSON.stringify(told));
