// ${NAME}, ${NAME:-default} and ${file:PATH} inside a text value: looked up once, when the configuration is read. What
// comes out is never scanned again, so that a secret that happens to hold "${" stays what it is; `$${` is a literal
// `${`.

import type { ConfigurationFaultCode } from './fault.ts'

export interface Variables {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Text of a file; throws when it cannot be read. Paths are already absolute or relative to the configuration. */
  readonly readFile: (path: string) => string
}

type VariableFault = 'config.variable-syntax' | 'config.unresolved-variable' | 'config.unreadable-file'

export interface InterpolationProblem {
  readonly code: Extract<ConfigurationFaultCode, VariableFault>
  /** As written, `${NAME}`. */
  readonly expression: string
  readonly message: string
  readonly fix: string
}

export interface Interpolated {
  readonly text: string
  /** Where parts of it came from: `env NAME`, `file PATH`. Empty: all is the file's own text, written defaults too. */
  readonly origins: readonly string[]
  /** What those brought. */
  readonly secrets: readonly string[]
  readonly problems: readonly InterpolationProblem[]
}

/** No secret is larger; a path that names a disk or a log by mistake must not fill the memory. */
const longestFile = 65_536

const expressionPattern = /\$\$\{|\$\{([^}]*)(\}?)/g
const namePattern = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/

/** Replaces every expression; problems are collected, and what cannot be resolved becomes nothing. */
export function interpolate(text: string, variables: Variables): Interpolated {
  if (!text.includes('${')) return { text, origins: [], secrets: [], problems: [] }
  const origins: string[] = []
  const secrets: string[] = []
  const problems: InterpolationProblem[] = []
  const replaced = text.replace(expressionPattern, (expression, body?: string, close?: string) => {
    if (body === undefined) return '${'
    const resolved = resolve(expression, body, close === '}', variables)
    if ('code' in resolved) {
      problems.push(resolved)
      return ''
    }
    if (resolved.origin !== null) {
      origins.push(resolved.origin)
      secrets.push(resolved.value)
    }
    return resolved.value
  })
  return { text: replaced, origins, secrets, problems }
}

type Resolved = { readonly value: string; readonly origin: string | null } | InterpolationProblem

function resolve(expression: string, body: string, isClosed: boolean, variables: Variables): Resolved {
  if (isClosed && body.startsWith('file:')) return readSecret(expression, body.slice('file:'.length), variables)
  const parts = isClosed ? namePattern.exec(body) : null
  if (parts === null) {
    return {
      code: 'config.variable-syntax', expression, message: `${expression} is not an expression`,
      fix: 'write ${NAME}, ${NAME:-default} or ${file:PATH}; for the text itself write $${',
    }
  }
  const name = parts[1] ?? ''
  const fallback = parts[2]
  const value = Object.hasOwn(variables.env, name) ? variables.env[name] : undefined
  // As in a shell, `:-` also stands in for a variable that is set to nothing.
  if (fallback !== undefined && (value === undefined || value === '')) return { value: fallback, origin: null }
  if (value !== undefined) return { value, origin: `env ${name}` }
  return {
    code: 'config.unresolved-variable', expression, message: `the environment has no ${name}`,
    fix: `set ${name}, or write \${${name}:-default}`,
  }
}

function readSecret(expression: string, path: string, variables: Variables): Resolved {
  try {
    const text = variables.readFile(path)
    if (text.length > longestFile) throw new Error(`it is longer than ${longestFile} characters`)
    // Editors and `kubectl create secret` end files with a line break that is no part of the secret.
    return { value: text.replace(/\r?\n$/, ''), origin: `file ${path}` }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return {
      code: 'config.unreadable-file', expression, message: `cannot read the file ${path}: ${why}`,
      fix: 'check the path (relative to the configuration file) and who may read it',
    }
  }
}
