// Turning points as log lines for people: one level and one message for each kind of announcement. It decides nothing;
// who announces has already acted.

import type { Logger } from 'pino'
import type { Announce, Announcement } from '../core/announce.ts'

type Level = 'debug' | 'info' | 'warn' | 'error'

/** An `Announce` that writes to `logger`. */
export function createAnnouncer(logger: Logger): Announce {
  return (announcement) => {
    const [level, message] = words[announcement.what]
    logger[level](fieldsOf(announcement), message)
  }
}

const words: { readonly [What in Announcement['what']]: readonly [Level, string] } = {
  'listening': ['debug', 'listening'],
  'drain-started': ['info', 'drain started'],
  'drain-finished': ['info', 'drain finished'],
  'connections-bounded': ['warn', 'this process may open too few files for limits.connections: fewer are accepted'],
  'upstream-not-ready': ['info', 'upstream refuses connections; requests wait for its start'],
  'upstream-ready': ['info', 'upstream is ready'],
  'upstream-startup-over': ['warn', 'upstream has not started in its time; requests no longer wait'],
  'certificate-reloaded': ['info', 'certificate reloaded'],
  'certificate-rejected': ['error', 'new certificate cannot be used; the old one is kept'],
  'breaker-opened': ['warn', 'breaker opened: calls are refused at once'],
  'breaker-half-opened': ['info', 'breaker lets one probe at a time through'],
  'breaker-closed': ['info', 'breaker closed'],
  'endpoint-ejected': ['warn', 'endpoint gets no calls for a while'],
  'endpoint-returned': ['info', 'endpoint gets calls again'],
  'configuration-applied': ['info', 'new configuration in force'],
  'configuration-unchanged': ['info', 'configuration read again: it is the same'],
  'configuration-rejected': ['error', 'new configuration is not valid; the old one stays in force'],
  'store-notice': ['warn', 'what a store promises, and what it does not'],
  'store-down': ['error', 'store does not answer: what needs it is refused'],
  'store-up': ['info', 'store answers again'],
  'defect': ['error', 'defect: please report this'],
}

function fieldsOf(announcement: Announcement): Record<string, unknown> {
  if (announcement.what !== 'defect') {
    return Object.fromEntries(Object.entries(announcement).map(([name, value]: [string, unknown]) =>
      [name, typeof value === 'number' ? Math.round(value * 10) / 10 : value]))
  }
  const { what, where, error } = announcement
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { what, where, error: stack }
}
