// The endpoints of one upstream as a process: a port each, and one more for the bench (GET /start, GET /figures).
// Run: node bench/upstreams/endpoints-main.ts CONTROL-PORT PORTS PLANS-AS-JSON
import { createServer } from 'node:http'
import { Endpoint } from './endpoint.ts'
import type { EndpointPlan } from './endpoint-plan.ts'

/** Longer than any scenario: a forgotten process ends by itself. */
const endsAfterMs = 15 * 60_000

const [controlPort, ports = '', plans = ''] = process.argv.slice(2)
const endpoints = (JSON.parse(plans) as EndpointPlan[]).map((plan) => new Endpoint(plan))
setTimeout(() => process.exit(1), endsAfterMs).unref()
for (const [index, port] of ports.split(',').entries()) endpoints[index]?.listen(Number(port))
createServer((request, response) => {
  if (request.url === '/start') for (const endpoint of endpoints) endpoint.start()
  response.end(JSON.stringify(request.url === '/figures' ? endpoints.map((endpoint) => endpoint.figures()) : {}))
}).listen(Number(controlPort), '127.0.0.1')
