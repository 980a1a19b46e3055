// The export: one page of charges as newline-delimited JSON, streamed block by block. The caller chooses how
// rows become text, and the time that took is measured apart from everything else, to compare the two ways on
// real rows.

import { Readable } from 'node:stream'
import { chargeSchema, exportQuerySchema } from './schemas.ts'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { ServiceParts } from './app.ts'
import type { Charge } from './database.ts'
import type { ExportQuery } from './schemas.ts'

/** A charge as the compiled serializer's type wants it: an alias fits an index signature, an interface does not. */
type ExportRow = Pick<Charge, keyof Charge>

const PAGE_ROWS = 1_000
/** Rows turned into text at a time: small enough that a slow reader holds back the rest of the page. */
const BLOCK_ROWS = 50

export function registerExportRoutes(app: FastifyInstance, { database, metrics }: ServiceParts): void {
  app.get<{ Querystring: ExportQuery }>('/export', { schema: { querystring: exportQuerySchema } },
    async (request, reply) => {
      const { page, serializer } = request.query
      const range = { offset: (page - 1) * PAGE_ROWS, limit: PAGE_ROWS }
      const rows = await database.withConnection((connection) => connection.listCharges(range))
      const toText = serializerFor(serializer, reply)
      const timer = { elapsedMs: 0 }
      if (rows.length === PAGE_ROWS) {
        reply.header('link', `</export?page=${page + 1}&serializer=${serializer}>; rel="next"`)
      }
      // The time is known at the end only. A caller of HTTP/1.0 cannot read trailers, nor the chunks they need.
      if (request.raw.httpVersion !== '1.0') {
        reply.trailer('server-timing', (_reply, _payload, done) => {
          done(null, `serialize;dur=${timer.elapsedMs.toFixed(3)}`)
        })
      }
      const blocks = Readable.from(textBlocks(rows, toText, timer), { objectMode: false })
      blocks.once('end', () => metrics.exportSeconds.observe({ serializer }, timer.elapsedMs / 1000))
      return reply.type('application/x-ndjson').send(blocks)
    })
}

function* textBlocks(rows: readonly ExportRow[], toText: (row: ExportRow) => string, timer: { elapsedMs: number }) {
  for (let start = 0; start < rows.length; start += BLOCK_ROWS) {
    const startedAt = performance.now()
    let block = ''
    for (const row of rows.slice(start, start + BLOCK_ROWS)) block += `${toText(row)}\n`
    timer.elapsedMs += performance.now() - startedAt
    yield block
  }
}

function serializerFor(name: ExportQuery['serializer'], reply: FastifyReply): (row: ExportRow) => string {
  return name === 'naive' ? toTextNaively : reply.compileSerializationSchema(chargeSchema)
}

/** The same fields as the schema names, in the same order. */
function toTextNaively({ id, amount, currency, customer, status, providerId, createdAt }: ExportRow): string {
  return JSON.stringify({ id, amount, currency, customer, status, providerId, createdAt })
}
