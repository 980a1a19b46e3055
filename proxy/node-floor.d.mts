// Types of node-floor.mjs, which must stay plain JavaScript.

export function versionFault(version: string): string | null
export function parserFault(execArgv: readonly string[], nodeOptions: string | undefined): string | null
