// The cheapest refusal Node's own server can give: one constant 503. What a refusal costs that decides nothing.
// Run: node bench/constant-refusal.ts PORT
import { createServer } from 'node:http'

const body = '{"code":"refused"}\n'
const fields = { 'content-type': 'application/problem+json', 'content-length': body.length }

createServer((_request, response) => {
  response.writeHead(503, fields)
  response.end(body)
}).listen(Number(process.argv[2] ?? 0), '127.0.0.1')
