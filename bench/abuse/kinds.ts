// The crowds of the abuse experiment: what each caller of one says, and whether it ever says more or listens. One place
// for the experiment and for the process that is the crowd. Opens no connection.

export interface Kind {
  /** For tables. */
  readonly title: string
  readonly count: number
  /** What each sends when it is there. */
  readonly says: string
  /** Whether it adds a byte a second to that. */
  readonly drips: boolean
  /** Whether it reads what comes. */
  readonly reads: boolean
  /** Whether it is there once it has been answered; else once it is connected. */
  readonly awaitsAnswer: boolean
  /** How many come at one moment, and how long after that the next ones do, ms. */
  readonly opening: number
  readonly betweenMs: number
}

const host = 'host: bench\r\n'
const plain = { drips: false, reads: true, awaitsAnswer: false, opening: 1, betweenMs: 10 }
/** A key of a handshake; any sixteen bytes do. */
const handshake = `upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n`
  + 'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'

export const kinds: Readonly<Record<string, Kind>> = {
  // They begin one after the other over as long as a head may take: all thrown out at one moment is another attack.
  'slow-heads': {
    ...plain, title: 'heads that never end', count: 1000, says: `GET / HTTP/1.1\r\n${host}x-slow: `, drips: true,
  },
  'slow-bodies': {
    ...plain, title: 'bodies that never end', count: 300, drips: true,
    says: `POST /silent HTTP/1.1\r\n${host}content-length: 100000\r\n\r\n`,
  },
  'deaf-readers': {
    ...plain, title: 'answers of 4 MiB that nobody reads', count: 300, says: `GET /large HTTP/1.1\r\n${host}\r\n`,
    reads: false,
  },
  'pipelines': {
    ...plain, title: 'the same, 2,000 of them asked for in one piece', count: 300, reads: false,
    says: `GET /large HTTP/1.1\r\n${host}\r\n`.repeat(2000),
  },
  'handshakes': {
    ...plain, title: 'handshakes of WebSockets that nobody answers', count: 300,
    says: `GET /silent HTTP/1.1\r\n${host}${handshake}\r\n`,
  },
  // As many as fit beside others below the default of 10,000.
  'idle': {
    ...plain, title: 'idle keep-alive connections', count: 9900, says: `GET / HTTP/1.1\r\n${host}\r\n`,
    awaitsAnswer: true, opening: 100, betweenMs: 0,
  },
}
