// The plainest server of node:http, for what a connection costs where nothing is done for it. Run: node
// bench/bare-server.ts PORT
import { createServer } from 'node:http'

const server = createServer((_request, response) => { response.end('ok') })
server.keepAliveTimeout = 75_000
server.listen(Number(process.argv[2]), '127.0.0.1')
