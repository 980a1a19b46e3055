// A real Prometheus with the rules of deploy/, scraping a real Seawall under a little load: every rule evaluates, every
// panel of the dashboard has something to draw, and what callers send adds no series. Skipped where there is none.

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import type { Test } from 'tap'
import { ask, eventually } from '../support/asking.ts'
import { freePorts } from '../support/free-port.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import { root, Running, startSeawall, temporaryFolder } from '../support/seawall.ts'
import type { SeawallProcess } from '../support/seawall.ts'

const isInstalled = ['prometheus', 'promtool'].every((name) => spawnSync(name, ['--version']).status === 0)
const skip = isInstalled ? false : 'prometheus is not installed; .ci/run installs it'

interface Answer<T> { readonly status: string; readonly error?: string; readonly data: T }
interface Vector { readonly result: readonly { readonly metric: object; readonly value: readonly [number, string] }[] }

class Prometheus {
  readonly #port: number
  constructor(port: number) { this.#port = port }

  async get<T>(path: string): Promise<T> {
    const { body } = await ask(this.#port, `/api/v1/${path}`)
    const answer = JSON.parse(body) as Answer<T>
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error ?? body}`)
    return answer.data
  }

  /** The values of an instant query; throws where it cannot be evaluated. */
  async query(expression: string): Promise<readonly number[]> {
    const { result } = await this.get<Vector>(`query?query=${encodeURIComponent(expression)}`)
    return result.map(({ value }) => Number(value[1]))
  }
}

async function startPrometheus(t: Test, target: number): Promise<Prometheus> {
  const [port = 0] = await freePorts(1)
  const folder = temporaryFolder(t)
  const file = join(folder, 'prometheus.yaml')
  writeFileSync(file, JSON.stringify({
    global: { scrape_interval: '500ms', evaluation_interval: '500ms' },
    rule_files: [join(root, 'deploy/prometheus/rules.yaml')],
    scrape_configs: [{ job_name: 'seawall', static_configs: [{ targets: [`127.0.0.1:${target}`] }] }],
  }))
  const running = new Running('prometheus', [
    `--config.file=${file}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`,
  ])
  t.teardown(() => running.stop('SIGKILL'))
  await running.until(/Server is ready to receive web requests/)
  return new Prometheus(port)
}

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncache-control: max-age=1\r\n\r\nok'
const failed = 'HTTP/1.1 503 No\r\ncontent-length: 2\r\n\r\nno'

/** It looks at its list of targets every 5 s. */
const discoveryMs = 15_000

/** With every mechanism that the dashboard shows. */
async function startBusySeawall(t: Test): Promise<SeawallProcess> {
  const answers = ({ text }: { text: string }): string => text.includes('/flaky') ? failed : ok
  const origins = [await rawOrigin(t, answers), await rawOrigin(t, answers)]
  const route = (name: string, rest: object): object =>
    ({ name, listener: 'public', upstream: 'service', match: { path: `/${name}/*` }, ...rest })
  return startSeawall(t, {
    listeners: { public: { kind: 'ingress', listen: '127.0.0.1:PORT:public' } },
    probe: { listen: '127.0.0.1:PORT:probe' },
    stores: { idempotency: { type: 'memory' } },
    upstreams: { service: { endpoints: origins.map(({ url }) => url) } },
    routes: [
      route('pay', {
        idempotency: { scope: 'none' }, slo: { objective: 0.99, threshold: '321ms' },
        rateLimit: [{ key: 'ip', rate: '10000/s' }],
      }),
      route('flaky', { retry: { maxAttempts: 2 }, fallback: { on: [503], status: 503, body: 'later' } }),
      route('read', { hedge: { after: '1ms' } }),
    ],
  })
}

async function sendSome(port: number, round: number): Promise<void> {
  await Promise.all(Array.from({ length: 20 }, async (_, i) => {
    const id = `${round}-${i}`
    await ask(port, `/pay/${id}`, { method: 'POST', headers: { 'idempotency-key': `key-${id}` } })
    await ask(port, `/flaky/${id}`)
    await ask(port, `/read/${id}?${id}`, { headers: { 'x-tenant': id } })
  }))
}

test('every rule and panel evaluates on what Prometheus scraped, and series are bounded', { skip }, async (t) => {
  const seawall = await startBusySeawall(t)
  const port = seawall.ports['public'] as number
  const prometheus = await startPrometheus(t, seawall.ports['probe'] as number)
  for (let round = 0; round < 3; round++) await sendSome(port, round)
  await eventually('it has scraped the load', async () =>
    (await prometheus.query('sum(seawall_exchanges_total)'))[0] === 180, discoveryMs)
  const [series = 0] = await prometheus.query('count({__name__=~"seawall_.+"})')
  for (let round = 3; round < 8; round++) await sendSome(port, round)
  await eventually('it has scraped all of it', async () =>
    (await prometheus.query('sum(seawall_exchanges_total)'))[0] === 480)
  t.strictSame(await prometheus.query('up'), [1])
  const [after = 0] = await prometheus.query('count({__name__=~"seawall_.+"})')
  t.ok(after <= series + 60, `other paths, keys and fields are no series: ${series}, then ${after}`)
  t.ok(after < 1_000, `${after} series of three routes`)
  await checkRules(t, prometheus)
  await checkPanels(t, prometheus)
})

async function checkRules(t: Test, prometheus: Prometheus): Promise<void> {
  interface Groups { readonly groups: readonly { readonly rules: readonly {
    readonly name: string; readonly health: string; readonly lastError?: string; readonly state: string
  }[] }[] }
  const rules = async (): Promise<Groups['groups'][number]['rules']> =>
    (await prometheus.get<Groups>('rules')).groups.flatMap((group) => group.rules)
  await eventually('every rule was evaluated', async () => (await rules()).every(({ health }) => health !== 'unknown'))
  for (const { name, health, lastError, state } of await rules()) {
    t.equal(health, 'ok', `${name} ${lastError ?? ''}`)
    t.not(state, 'firing', name)
  }
}

async function checkPanels(t: Test, prometheus: Prometheus): Promise<void> {
  const text = readFileSync(join(root, 'deploy/grafana/seawall.json'), 'utf8')
  const { panels } = JSON.parse(text) as { panels: { title: string; targets: { expr: string }[] }[] }
  for (const { title, targets } of panels) {
    for (const { expr } of targets) {
      const expression = expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$(?:route|upstream)\b/g, '.+')
      const values = await prometheus.query(expression)
      t.ok(values.length > 0, `${title} draws ${expression}`)
    }
  }
}

test('the page is as promtool wants it', { skip }, async (t) => {
  const seawall = await startBusySeawall(t)
  await sendSome(seawall.ports['public'] as number, 0)
  const { body } = await ask(seawall.ports['probe'] as number, '/metrics')
  const { stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: body, encoding: 'utf8' })
  const ours = `${stdout}${stderr}`.split('\n').filter((line) => line.startsWith('seawall_') || line.includes('error'))
  t.strictSame(ours, [])
})
