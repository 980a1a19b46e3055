// The plainest proxy Node offers, node:http in and http.Agent out, without any policy: the reference for what Seawall's
// mechanisms cost over what anyone could write in forty lines. Not a product: no timeouts, no error mapping beyond 502.
// Run: node bench/node-http-proxy.ts PORT UPSTREAM_PORT
import { Agent, createServer, request } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'

const [port = 0, upstreamPort = 0] = process.argv.slice(2).map(Number)
const agent = new Agent({ keepAlive: true, maxSockets: 1024, scheduling: 'lifo' })

createServer((incoming, outgoing) => {
  forward(incoming, outgoing)
}).listen(port, '127.0.0.1')

function forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
  const upstream = request({
    agent,
    host: '127.0.0.1',
    port: upstreamPort,
    method: incoming.method ?? 'GET',
    path: incoming.url ?? '/',
    headers: { ...incoming.headers, connection: 'keep-alive' },
  })
  upstream.on('response', (answer) => {
    const { connection: _hopByHop, 'keep-alive': _alsoHopByHop, ...headers } = answer.headers
    outgoing.writeHead(answer.statusCode ?? 502, headers)
    answer.pipe(outgoing)
  })
  upstream.on('error', () => {
    if (outgoing.headersSent) outgoing.destroy()
    else outgoing.writeHead(502, { 'content-length': '0' }).end()
  })
  outgoing.on('close', () => {
    if (!outgoing.writableFinished) upstream.destroy()
  })
  incoming.pipe(upstream)
}
