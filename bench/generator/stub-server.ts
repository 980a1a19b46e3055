// A server for the generator's own tests: answers on bare sockets as the test says, on a free port. Understands only
// requests without a body.
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

export interface StubServer {
  readonly port: number
  readonly requests: () => number
  readonly connections: () => number
  close(): Promise<void>
}

export const okAnswer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

/** `answer` is called for each request with its index, from 0, and writes to the socket when and what it likes. */
export async function stubServer(answer: (socket: Socket, index: number) => void): Promise<StubServer> {
  const sockets = new Set<Socket>()
  let requestCount = 0
  let connectionCount = 0
  const server = createServer({ noDelay: true }, (socket) => {
    connectionCount++
    sockets.add(socket)
    let held = ''
    // The generator cuts connections at its deadline; a stub takes no notice.
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    socket.on('data', (chunk) => {
      const parts = (held + chunk.toString('latin1')).split('\r\n\r\n')
      held = parts.pop() ?? ''
      for (let i = 0; i < parts.length; i++) answer(socket, requestCount++)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    requests: () => requestCount,
    connections: () => connectionCount,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
