// Prints the JSON Schema of the configuration, as it is kept in config/schema.json for editors.

import { fileURLToPath } from 'node:url'
import { currentRules } from './rules.ts'

/** The schema as it is kept: two spaces, a line break at the end. */
export function schemaText(): string {
  return `${JSON.stringify(currentRules().schema, null, 2)}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(schemaText())
