// What a start prints, once everything listens: where, to whom, in which mode. At most eight lines, so that it is read.

export interface BannerFacts {
  readonly version: string
  readonly mode: string
  readonly listeners: readonly { readonly name: string; readonly kind: string; readonly url: string }[]
  readonly upstreams: readonly { readonly name: string; readonly endpoints: readonly string[] }[]
  readonly adminUrl: string
  readonly probeUrl: string | null
  /** Null: made from the command line. */
  readonly file: string | null
  readonly hash: string
}

/** As wide as a narrow terminal is high in patience. */
const columns = 120

/** Lines without their ends. */
export function bannerLines(facts: BannerFacts): string[] {
  const meaning = facts.mode === 'observe' ? ' (nothing is refused)' : ''
  const where = (kind: string): string[] =>
    facts.listeners.filter((listener) => listener.kind === kind).map(({ name, url }) => `${name} ${url}`)
  const upstreams = facts.upstreams.map(({ name, endpoints }) =>
    `${name} ${endpoints.length === 1 ? endpoints[0] : `${endpoints.length} endpoints`}`)
  const source = facts.file === null ? 'built-in defaults' : facts.file
  return [
    `seawall ${facts.version}  mode ${facts.mode}${meaning}  node ${process.version}  pid ${process.pid}`,
    line('ingress', where('ingress')),
    line('egress', where('egress')),
    line('upstream', upstreams),
    line('admin', [facts.adminUrl]),
    line('probe', facts.probeUrl === null ? [] : [facts.probeUrl]),
    line('config', [`${source}  hash ${facts.hash}`]),
  ].filter((text) => text !== '')
}

/** As many as fit, and how many there are beside; empty for none. */
function line(title: string, entries: readonly string[]): string {
  if (entries.length === 0) return ''
  let text = `  ${title.padEnd(9)} ${entries[0]}`
  for (const [i, entry] of entries.entries()) {
    if (i === 0) continue
    const rest = entries.length - i
    if (`${text}, ${entry}, and ${rest} more`.length > columns) return `${text}, and ${rest} more`
    text = `${text}, ${entry}`
  }
  return text
}
