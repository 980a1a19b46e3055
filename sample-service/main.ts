// Starts the service: reads the environment, listens, and closes on SIGTERM or SIGINT. A start that fails says
// why in one line on stderr and exits with 1.

import { buildApp } from './app.ts'
import { readConfiguration } from './configuration.ts'
import type { FastifyInstance } from 'fastify'
import type { Configuration } from './configuration.ts'

try {
  const configuration = readConfiguration(process.env)
  const app = await buildApp(configuration)
  closeOnSignal(app)
  const url = await listen(app, configuration)
  console.log(`sample-service listening on ${url}`)
} catch (error) {
  console.error(`sample-service: ${error instanceof Error ? error.message : String(error)}`)
  process.exit(1)
}

async function listen(app: FastifyInstance, { host, port }: Configuration): Promise<string> {
  try {
    return await app.listen({ host, port })
  } catch (error) {
    await app.close()
    const code = (error as NodeJS.ErrnoException).code
    const reason = code === 'EADDRINUSE' ? 'the port is in use' : error instanceof Error ? error.message : String(error)
    throw new Error(`Cannot listen on ${host}:${port}: ${reason}`, { cause: error })
  }
}

/** Waits for requests in flight without bound, as `app.close()` does: a second signal ends the process at once. */
function closeOnSignal(app: FastifyInstance): void {
  let isClosing = false
  const close = (): void => {
    if (isClosing) process.exit(1)
    isClosing = true
    app.close().then(() => process.exit(0), (error: unknown) => {
      app.log.error(error, 'the service could not close')
      process.exit(1)
    })
  }
  process.on('SIGTERM', close)
  process.on('SIGINT', close)
}
