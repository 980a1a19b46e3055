// A strict reader of the text format that Prometheus scrapes: what it does not know is an error, so that a page that a
// real scraper would refuse is refused here.

export interface Series {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface MetricsPage {
  /** Type by family, in the order of the page. */
  readonly types: ReadonlyMap<string, string>
  readonly series: readonly Series[]
  /** The sum over all series of that name that carry these labels; 0 for none. */
  sum(name: string, labels?: Readonly<Record<string, string>>): number
}

const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/
const labelPart = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y
/** Scrapers read NaN in any case, and prom-client writes it as "Nan". */
const number = /^(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN|Nan)$/

/** Throws with the line that breaks a rule of the format. */
export function parseMetrics(text: string): MetricsPage {
  const types = new Map<string, string>()
  const series: Series[] = []
  const seen = new Set<string>()
  let family = ''
  if (!text.endsWith('\n')) throw new Error('the page does not end with a line end')
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line)
    if (comment !== null) {
      const [, kind, name, rest] = comment as unknown as [string, string, string, string]
      if (kind === 'TYPE') declare(types, name, rest)
      family = name
      continue
    }
    const sample = parseSample(line)
    if (familyOf(sample.name, types.get(family)) !== family) throw new Error(`outside of its family: ${line}`)
    const labels = Object.entries(sample.labels).map((pair) => JSON.stringify(pair)).toSorted((a, b) => a < b ? -1 : 1)
    const identity = [sample.name, ...labels].join()
    if (seen.has(identity)) throw new Error(`said twice: ${line}`)
    seen.add(identity)
    series.push(sample)
  }
  const sum: MetricsPage['sum'] = (name, labels = {}) => series
    .filter((one) => one.name === name && Object.entries(labels).every(([label, value]) => one.labels[label] === value))
    .reduce((total, { value }) => total + value, 0)
  return { types, series, sum }
}

function declare(types: Map<string, string>, name: string, type: string): void {
  if (types.has(name)) throw new Error(`declared twice: ${name}`)
  if (!['counter', 'gauge', 'histogram', 'summary'].includes(type)) throw new Error(`no such type: ${name} ${type}`)
  types.set(name, type)
}

function familyOf(name: string, type: string | undefined): string {
  if (type === 'histogram') return name.replace(/_(?:bucket|sum|count)$/, '')
  return type === 'summary' ? name.replace(/_(?:sum|count)$/, '') : name
}

function parseSample(line: string): Series {
  const found = sampleLine.exec(line)
  if (found === null) throw new Error(`not a sample: ${line}`)
  const [, name = '', text = '', value = ''] = found
  if (!number.test(value)) throw new Error(`not a number: ${line}`)
  const labels: Record<string, string> = {}
  labelPart.lastIndex = 0
  for (let end = 0; end < text.length; end = labelPart.lastIndex) {
    const part = labelPart.exec(text)
    if (part === null) throw new Error(`not a label: ${line}`)
    const [, label = '', raw = ''] = part
    if (label in labels) throw new Error(`a label twice: ${line}`)
    labels[label] = raw.replace(/\\(.)/g, (_, char: string) => char === 'n' ? '\n' : char)
  }
  return { name, labels, value: Number(value.replace('Inf', 'Infinity')) }
}
