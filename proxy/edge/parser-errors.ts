// What node's parser and sockets complain of, in our codes.

import type { Code } from '../core/codes.ts'

/** The code to answer with; null when the socket itself has failed and nobody is left to be told. */
export function codeOfParserError(error: NodeJS.ErrnoException, uriBytes: number): Code | null {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return isLongLine(error, uriBytes) ? 'request.uri-too-long' : 'request.headers-too-large'
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return 'request.body-too-large'
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 'request.timeout'
    case undefined:
    default:
      return error.code?.startsWith('HPE_') === true ? 'request.malformed' : null
  }
}

/** Node counts target and fields together. A packet that begins with a method and has no early line end is a target. */
function isLongLine(error: NodeJS.ErrnoException, uriBytes: number): boolean {
  const packet = 'rawPacket' in error && Buffer.isBuffer(error.rawPacket) ? error.rawPacket : null
  if (packet === null || !/^[A-Z]+ [^ ]*$/.test(packet.toString('latin1', 0, 64))) return false
  const lineEnd = packet.indexOf('\n')
  return lineEnd < 0 || lineEnd > uriBytes
}
