// `reload`: tells a running instance to read its configuration again, and says what came of it.

import { createAdminVerb, refused } from './admin-verb.ts'
import { reloadHelp } from './usage.ts'
import { exitCodes } from './verb.ts'

export const reload = createAdminVerb({
  name: 'reload',
  help: reloadHelp,
  async run(client, values, io) {
    const answer = await client.ask('POST', '/admin/reload')
    if (values['json'] === true) io.stdout(`${JSON.stringify(answer.body)}\n`)
    if (answer.status !== 200) {
      refused(io, 'reload', answer)
      return answer.status === 422 ? exitCodes.invalid : exitCodes.failed
    }
    const { hash, changed } = answer.body as { readonly hash?: unknown; readonly changed?: unknown }
    io.stderr(changed === false ? `unchanged, hash ${String(hash)}\n` : `applied, hash ${String(hash)}\n`)
    return exitCodes.ok
  },
})
