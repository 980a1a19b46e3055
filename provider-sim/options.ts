// The command's options: flags over environment over configuration file over defaults, checked as a whole. It reads
// what it is given and starts nothing.

import { parseArgs } from 'node:util'
import type { Complaint } from './field-checks.ts'
import { InvalidInput, readInteger, readJson, readObject, readText, show } from './field-checks.ts'
import { MAX_SEED } from './random.ts'
import type { SimulatorOptions } from './simulator.ts'

export const USAGE = `Usage: node provider-sim/main.ts [--config FILE] [options]

  --config FILE            JSON with the keys host, providerPorts, fraudPort, webhookPort, ledger, seed, timetable
  --host HOST              address to listen on                                    127.0.0.1   SIM_HOST
  --provider-ports LIST    ports of the one provider, 0 for a free one        4000,4001,4002   SIM_PROVIDER_PORTS
  --fraud-port PORT        fraud service                                                4100   SIM_FRAUD_PORT
  --webhook-port PORT      webhook target                                               4200   SIM_WEBHOOK_PORT
  --ledger FILE            every executed charge, one JSON row a line
                                                          ./data/provider-ledger.ndjson        SIM_LEDGER
  --seed N                 0 to 4294967295                                                 1   SIM_SEED
  --timetable FILE         JSON: [{ "at": "10s", "port": 4001, "behaviour": { "stall": true } }, …]
                                                                                               SIM_TIMETABLE
Flags go before the environment, the environment before the file. Live control: /_control on every port.
`

/** Reads a file named by an option; throws what the file system throws. */
export type ReadFile = (path: string) => string

const CONFIG_KEYS = ['host', 'providerPorts', 'fraudPort', 'webhookPort', 'ledger', 'seed', 'timetable'] as const

type ConfigKey = (typeof CONFIG_KEYS)[number]

const VARIABLES: Readonly<Record<ConfigKey, string>> = {
  host: 'SIM_HOST',
  providerPorts: 'SIM_PROVIDER_PORTS',
  fraudPort: 'SIM_FRAUD_PORT',
  webhookPort: 'SIM_WEBHOOK_PORT',
  ledger: 'SIM_LEDGER',
  seed: 'SIM_SEED',
  timetable: 'SIM_TIMETABLE',
}

const DEFAULTS: Readonly<Partial<Record<ConfigKey, unknown>>> = {
  host: '127.0.0.1',
  providerPorts: [4000, 4001, 4002],
  fraudPort: 4100,
  webhookPort: 4200,
  ledger: './data/provider-ledger.ndjson',
  seed: 1,
}

/** A provider of more addresses than this is not one that a sidecar balances over by hand. */
const MAX_PROVIDER_PORTS = 64

/**
 * The options to start with, or 'help'. Throws InvalidInput that names every wrong option, and parseArgs' own error for
 * an unknown flag.
 */
export function readOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  readFile: ReadFile,
): SimulatorOptions | 'help' {
  const flags = readFlags(args)
  if (flags.help === true) return 'help'
  const complaints: Complaint[] = []
  const file = flags.config === undefined ? {} : readConfig(flags.config, readFile, complaints)
  const given: Readonly<Record<ConfigKey, string | undefined>> = {
    host: flags.host,
    providerPorts: flags['provider-ports'],
    fraudPort: flags['fraud-port'],
    webhookPort: flags['webhook-port'],
    ledger: flags.ledger,
    seed: flags.seed,
    timetable: flags.timetable,
  }
  const value = (key: ConfigKey): unknown => given[key] ?? environment[VARIABLES[key]] ?? file[key] ?? DEFAULTS[key]
  const port = (key: ConfigKey): number => readInteger(toNumber(value(key)), key, PORT_RANGE, complaints)
  const options = {
    host: readText(value('host'), 'host', 255, complaints),
    providerPorts: readPorts(value('providerPorts'), complaints),
    fraudPort: port('fraudPort'),
    webhookPort: port('webhookPort'),
    ledgerPath: readText(value('ledger'), 'ledger', 4_096, complaints),
    seed: readInteger(toNumber(value('seed')), 'seed', { min: 0, max: MAX_SEED }, complaints),
    ...readTimetable(value('timetable'), readFile, complaints),
  }
  if (complaints.length > 0) throw new InvalidInput('options', complaints)
  return options
}

const PORT_RANGE = { min: 0, max: 65_535 }

function readFlags(args: readonly string[]) {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      config: text,
      host: text,
      'provider-ports': text,
      'fraud-port': text,
      'webhook-port': text,
      ledger: text,
      seed: text,
      timetable: text,
      help: { type: 'boolean', short: 'h' },
    },
  })
  return values
}

function readConfig(path: string, readFile: ReadFile, complaints: Complaint[]): Readonly<Record<string, unknown>> {
  const value = readJsonFile(path, 'config', readFile, complaints)
  return value === undefined ? {} : (readObject(value, 'config', CONFIG_KEYS, complaints) ?? {})
}

function readPorts(value: unknown, complaints: Complaint[]): readonly number[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : typeof value === 'string' ? value.split(',') : [value]
  if (list.length < 1 || list.length > MAX_PROVIDER_PORTS) {
    complaints.push({ field: 'providerPorts', expected: `1 to ${MAX_PROVIDER_PORTS} ports`, got: show(value) })
  }
  return list.map((one, index) => readInteger(toNumber(one), `providerPorts[${index}]`, PORT_RANGE, complaints))
}

/** The timetable's JSON, from a file when a path is given; its entries are checked when the ports are known. */
function readTimetable(
  value: unknown,
  readFile: ReadFile,
  complaints: Complaint[],
): { readonly timetable?: unknown } {
  if (value === undefined) return {}
  return { timetable: typeof value === 'string' ? readJsonFile(value, 'timetable', readFile, complaints) : value }
}

/** Undefined, with a complaint, when the file cannot be read or is not JSON. */
function readJsonFile(path: string, field: string, readFile: ReadFile, complaints: Complaint[]): unknown {
  try {
    const found: Complaint[] = []
    const value = readJson(readFile(path), field, found)
    complaints.push(...found)
    return found.length > 0 ? undefined : value
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    complaints.push({ field, expected: 'a readable file', got: reason })
    return undefined
  }
}

/** Flags and variables are text; a whole decimal number becomes one, anything else is complained about as it is. */
function toNumber(value: unknown): unknown {
  return typeof value === 'string' && /^\d+$/.test(value.trim()) ? Number(value) : value
}
