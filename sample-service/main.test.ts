// The service as a process: its start, what it says when it cannot start, and its end by signal.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { test } from 'tap'
import { ORDER, temporaryFolder } from './support/service.ts'
import { startStub } from './support/stub-dependency.ts'
import type { ChildProcessByStdio } from 'node:child_process'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import type { Test } from 'tap'

type Service = ChildProcessByStdio<null, Readable, Readable>

void test('a start prints one line with the URL, serves there, and ends by SIGTERM with 0', async (t) => {
  const service = start(t)
  const url = await urlOf(service)
  t.equal((await fetch(`${url}/catalogue`)).status, 200)
  service.kill('SIGTERM')
  t.strictSame(await endOf(service), { code: 0, stdout: '', stderr: '' })
})

void test('SIGTERM lets a charge in flight end, with its row', async (t) => {
  const hang = Promise.withResolvers<void>()
  const stub = await startStub(async ({ url }) => {
    if (url !== '/v1/charges') return { status: 200, json: { decision: 'allow' } }
    await hang.promise
    return { status: 201, json: { id: 'p-1', status: 'succeeded' } }
  })
  t.teardown(() => stub.close())
  const service = start(t, { PROVIDER_URL: stub.url, FRAUD_URL: stub.url, WEBHOOK_URL: stub.url })
  const end = endOf(service)
  const url = await urlOf(service)
  const charge = postOnce(`${url}/charge`)
  await stub.request('POST /v1/charges')
  service.kill('SIGTERM')
  await refusal(url)
  hang.resolve()
  const reply = await charge
  t.equal(reply.statusCode, 201)
  t.match(await json(reply), { status: 'succeeded', providerId: 'p-1' })
  t.match(await end, { code: 0 })
})

void test('a port in use is said in one line, and the exit code is 1', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  t.strictSame(await endOf(start(t, { PORT: String(port) })), {
    code: 1, stdout: '', stderr: `sample-service: Cannot listen on 127.0.0.1:${port}: the port is in use\n`
  })
})

void test('a database that cannot be opened is said in one line without its password', async (t) => {
  const reason = 'Cannot open the database postgres://***@127.0.0.1:1/charges: connect ECONNREFUSED 127.0.0.1:1'
  t.strictSame(await endOf(start(t, { DATABASE_URL: 'postgres://ada:hunter2@127.0.0.1:1/charges' })), {
    code: 1, stdout: '', stderr: `sample-service: ${reason}\n`
  })
})

void test('a variable that makes no sense is said in one line', async (t) => {
  t.match(await endOf(start(t, { PORT: 'http' })), {
    code: 1, stderr: 'sample-service: PORT must be an integer from 0 to 65535, got "http"\n'
  })
})

function start(t: Test, environment: Record<string, string> = {}): Service {
  const folder = temporaryFolder(t)
  const service = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    cwd: folder, env: { PORT: '0', ...environment }, stdio: ['ignore', 'pipe', 'pipe']
  })
  t.teardown(() => service.kill('SIGKILL'))
  return service
}

async function urlOf(service: Service): Promise<string> {
  const [line] = await once(service.stdout, 'data') as [Buffer]
  const url = /^sample-service listening on (http:\/\/127\.0\.0\.1:\d+)\n$/.exec(line.toString())?.[1]
  if (url === undefined) throw new Error(`The service did not say where it listens but: ${line.toString()}`)
  return url
}

async function endOf(service: Service): Promise<{ code: number | null, stdout: string, stderr: string }> {
  const said = { stdout: '', stderr: '' }
  service.stdout.on('data', (chunk: Buffer) => said.stdout += chunk.toString())
  service.stderr.on('data', (chunk: Buffer) => said.stderr += chunk.toString())
  const [code] = await once(service, 'close') as [number | null]
  return { code, ...said }
}

/** Closes its connection with the answer: `app.close()` also waits for kept-alive connections to run out. */
async function postOnce(url: string): Promise<IncomingMessage> {
  const posted = request(url, { method: 'POST', agent: false, headers: { 'content-type': 'application/json' } })
  posted.end(JSON.stringify(ORDER))
  const [reply] = await once(posted, 'response') as [IncomingMessage]
  return reply
}

/** Asks until the service takes no more connections: only then has it begun to close. */
async function refusal(url: string): Promise<void> {
  for (;;) {
    try {
      await fetch(`${url}/health/live`, { headers: { connection: 'close' } })
    } catch {
      // Refused is what was waited for.
      return
    }
  }
}
