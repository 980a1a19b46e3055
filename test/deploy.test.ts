// What deploy/ says, as far as it can be checked without an engine: documents that parse, configurations that are
// valid, and the promises between the pieces: ports, paths, times and the order of stopping.

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { parseAllDocuments } from 'yaml'
import { loadConfiguration } from '../proxy/config/load.ts'
import { currentRules } from '../proxy/config/rules.ts'
import type { Configuration } from '../proxy/core/configuration.ts'
import { root, temporaryFolder } from './support/seawall.ts'

const folder = join(root, 'deploy')
const text = (path: string): string => readFileSync(join(folder, path), 'utf8')

function configurationOf(path: string): Configuration {
  const loaded = loadConfiguration(text(path), {
    file: path, rules: currentRules(), env: {}, readFile: () => '',
  })
  if (!loaded.ok) throw new Error(loaded.faults.map(({ message }) => message).join('; '))
  return loaded.configuration
}

/** The documents of a file; throws with every error of the parser. */
function documents<T>(path: string): T[] {
  return parseAllDocuments(text(path)).map((document) => {
    if (document.errors.length > 0) throw new Error(`${path}: ${document.errors.map(String).join('; ')}`)
    return document.toJS() as T
  })
}

interface Probe { readonly httpGet: { readonly path: string; readonly port: string } }
interface Container {
  readonly name: string
  readonly restartPolicy?: string
  readonly args?: readonly string[]
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
  readonly startupProbe?: Probe
  readonly readinessProbe?: Probe
  readonly livenessProbe?: Probe
  readonly lifecycle: { readonly preStop: {
    readonly exec?: { readonly command: readonly string[] }; readonly sleep?: { readonly seconds: number }
  } }
  readonly env?: readonly { readonly name: string; readonly value: string }[]
  readonly securityContext?: Readonly<Record<string, unknown>>
  readonly volumeMounts?: readonly { readonly mountPath: string; readonly subPath?: string }[]
}
interface Deployment { readonly spec: { readonly template: { readonly spec: {
  readonly terminationGracePeriodSeconds: number
  readonly initContainers: readonly Container[]
  readonly containers: readonly Container[]
} } } }

const [deployment] = documents<Deployment>('kubernetes/deployment.yaml')
const pod = deployment?.spec.template.spec
const seawall = pod?.initContainers[0] as Container
const app = pod?.containers[0] as Container
const inPod = configurationOf('kubernetes/seawall.json')

test('every document of the manifests parses, and every resource that is named is there', async (t) => {
  for (const name of readdirSync(join(folder, 'kubernetes')).filter((file) => file.endsWith('.yaml'))) {
    for (const one of documents<{ kind?: string }>(`kubernetes/${name}`)) t.type(one.kind, 'string', name)
  }
  const [kustomization] = documents<{ resources: string[] }>('kubernetes/kustomization.yaml')
  for (const name of kustomization?.resources ?? []) t.ok(existsSync(join(folder, 'kubernetes', name)), name)
})

test('the sidecar starts before the service and stops after it, and the times fit', async (t) => {
  t.equal(seawall.restartPolicy, 'Always', 'an init container that goes on')
  const { drain } = inPod
  const sleepMs = (app.lifecycle.preStop.sleep?.seconds ?? 0) * 1000
  t.ok(sleepMs >= drain.timeoutMs, 'the service goes on serving while Seawall drains')
  t.ok((pod?.terminationGracePeriodSeconds ?? 0) * 1000 > sleepMs)
  t.strictSame(seawall.lifecycle.preStop.exec?.command.slice(-2), ['drain', '--wait'])
})

test('probes ask the probe listener, callers and calls find their ports', async (t) => {
  const portOf = (name: string): number | undefined => seawall.ports?.find((port) => port.name === name)?.containerPort
  const { probe, listeners, admin } = inPod
  t.match(probe?.address, { host: '0.0.0.0', port: portOf('probe') })
  t.match(admin.address, { host: '127.0.0.1' }, 'changes come from inside alone')
  const paths = [seawall.startupProbe, seawall.readinessProbe, seawall.livenessProbe].map((one) => one?.httpGet)
  t.strictSame(paths, ['/startupz', '/readyz', '/livez'].map((path) => ({ path, port: 'probe' })))
  const at = (name: string): unknown => listeners.find((listener) => listener.name === name)?.address
  t.match(at('public'), { host: '0.0.0.0', port: portOf('http') })
  const provider = new URL(app.env?.find(({ name }) => name === 'PROVIDER_URL')?.value ?? '')
  t.match(at('provider'), { host: provider.hostname, port: Number(provider.port) })
  const [service] = documents<{ spec: { ports: { targetPort: string }[] } }>('kubernetes/service.yaml')
  t.equal(service?.spec.ports[0]?.targetPort, 'http')
})

test('nothing runs as root, and nothing can be written but the volumes', async (t) => {
  t.match(seawall.securityContext, {
    allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] },
  })
  t.equal(seawall.volumeMounts?.some(({ subPath }) => subPath !== undefined), false, 'such a file never changes')
  t.match(text('Dockerfile'), /^USER 65532:65532$/m)
  t.match(text('compose/compose.yaml'), /read_only: true/)
})

test('the image starts what the package has, and asks after it without a shell', async (t) => {
  const dockerfile = text('Dockerfile')
  const commands = [...dockerfile.matchAll(/^(?:ENTRYPOINT| +CMD|CMD) (\[.*\])$/gm)].map(([, list]) =>
    JSON.parse(list as string) as string[])
  const entry = '/app/node_modules/seawall/dist/proxy/seawall.mjs'
  const flags = [...readFileSync(join(root, 'proxy/seawall.mjs'), 'utf8').matchAll(/'(--[a-z0-9-]+=\d+)'\]/g)]
    .map(([, flag]) => flag as string)
  t.equal(flags.length, 2, 'those that a start would otherwise add')
  t.strictSame(commands, [
    ['/nodejs/bin/node', entry, 'status', '--json'], ['/nodejs/bin/node', ...flags, entry],
    ['run', '--config', '/etc/seawall/seawall.json'],
  ])
  const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { bin: { seawall: string } }
  t.ok(entry.endsWith(bin.seawall))
  t.strictSame(seawall.args, commands[2])
  t.equal(seawall.lifecycle.preStop.exec?.command[1], entry)
})

test('the compose file stops Seawall before the service, and gives both their time', async (t) => {
  interface Service {
    readonly depends_on?: string[]
    readonly network_mode?: string
    readonly stop_grace_period: string
  }
  const [file] = documents<{ services: Record<string, Service> }>('compose/compose.yaml')
  const { app, seawall } = file?.services ?? {}
  t.strictSame(seawall?.depends_on, ['app'])
  t.equal(seawall?.network_mode, 'service:app')
  const { drain } = configurationOf('compose/seawall.json')
  t.ok(Number.parseInt(seawall?.stop_grace_period ?? '', 10) * 1000 > drain.timeoutMs)
  t.ok(Number.parseInt(app?.stop_grace_period ?? '', 10) > Number.parseInt(seawall?.stop_grace_period ?? '', 10))
})

test('systemd finds nothing wrong with the unit but the program that is not installed here', async (t) => {
  if (spawnSync('systemd-analyze', ['--version']).status !== 0) return t.comment('no systemd here: not checked')
  const { stderr } = spawnSync('systemd-analyze', ['verify', join(folder, 'systemd/seawall.service')], {
    encoding: 'utf8',
  })
  const lines = stderr.split('\n').filter((line) => line.includes('seawall.service'))
  t.strictSame(lines.filter((line) => !line.includes('is not executable')), [])
  const stopSec = Number(/TimeoutStopSec=(\d+)/.exec(text('systemd/seawall.service'))?.[1])
  t.ok(stopSec * 1000 > inPod.drain.timeoutMs)
})

test('systemd tries a wrong configuration once, and whatever may pass until it has passed', async (t) => {
  const unit = text('systemd/seawall.service')
  t.match(unit, /^RestartPreventExitStatus=2 3$/m)
  t.notMatch(unit, /^ExecStartPre=/m, 'its exit code is not that of the main process, and would be tried again')
  t.match(unit, /^\[Unit\]\n(?:[^[].*\n)*StartLimitIntervalSec=0$/m)
})

test('rules and dashboards read metrics that exist', async (t) => {
  const known = new Set([...readFileSync(join(root, 'docs/operating.md'), 'utf8').matchAll(/seawall_[a-z_]+/g)]
    .map(([name]) => name))
  for (const file of ['prometheus/rules.yaml', 'grafana/seawall.json']) {
    const used = new Set([...text(file).matchAll(/seawall_[a-z_]+/g)].map(([name]) =>
      name.replace(/_(bucket|sum|count)$/, '')))
    for (const name of used) t.ok(known.has(name), `${file}: ${name}`)
  }
  documents('prometheus/rules.yaml')
  if (spawnSync('promtool', ['--version']).status !== 0) return
  t.doesNotThrow(() => execFileSync('promtool', ['check', 'rules', join(folder, 'prometheus/rules.yaml')]))
})

test('budgets that burn raise an alert, and neither a spike that is over nor a few calls do', async (t) => {
  if (spawnSync('promtool', ['--version']).status !== 0) return t.comment('no promtool here: not checked')
  const folder = temporaryFolder(t)
  const file = join(folder, 'rules.test.yaml')
  const burning = (route: string, long: number, short: number, calls: string): readonly object[] => [
    { series: `seawall_slo_burn_rate{route="${route}",window="1h"}`, values: `${long}x90` },
    { series: `seawall_slo_burn_rate{route="${route}",window="5m"}`, values: `${short}x90` },
    { series: `seawall_exchanges_total{route="${route}"}`, values: calls },
  ]
  const summary = 'pay fails 20.0 times as often as its objective allows'
  const description = 'The budget of failures of this route is used up within days; see what it answers by code.'
  writeFileSync(file, JSON.stringify({
    rule_files: [join(root, 'deploy/prometheus/rules.yaml')],
    tests: [{
      interval: '1m',
      input_series: [
        ...burning('pay', 20, 15, '0+10x90'), ...burning('over', 20, 1, '0+10x90'),
        ...burning('few', 500, 500, '0+0.1x90'),
      ],
      alert_rule_test: [{
        eval_time: '80m', alertname: 'SeawallBudgetBurnsFast',
        exp_alerts: [{ exp_labels: { severity: 'page', route: 'pay' }, exp_annotations: { summary, description } }],
      }],
    }],
  }))
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' })
  t.equal(status, 0, `${stdout}${stderr}`)
})
