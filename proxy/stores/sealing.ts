// Answers at rest under AES-256-GCM: a key from a file, its id beside the ciphertext so that keys can be changed, and
// the record's name bound in, so that nobody can put one caller's answer under another's key. Names, fingerprints and
// times are digests and numbers and stay readable.

import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { RecordKey, StoreFault } from '../core/record-store.ts'
import { messageOf, storeFault } from './store-fault.ts'

const algorithm = 'aes-256-gcm'
const keyBytes = 32
const idBytes = 8
const nonceBytes = 12
const tagBytes = 16

/** The first seals; all of them open. */
export interface SealKeys {
  readonly current: SealKey
  readonly byId: ReadonlyMap<string, SealKey>
}

interface SealKey { readonly id: Buffer; readonly secret: Buffer }

/**
 * Reads a key file: one key a line, 32 bytes in base64 or hex, the newest first; empty lines and `#` are skipped. To
 * change keys, put the new one on top and drop the old one after the longest ttl.
 */
export function readSealKeys(path: string): SealKeys | StoreFault {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    return storeFault('misconfigured', `Cannot read the key file ${path}: ${messageOf(error)}`)
  }
  const lines = text.split('\n').map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'))
  const secrets = lines.map((line) => Buffer.from(line, /^[0-9a-f]{64}$/i.test(line) ? 'hex' : 'base64'))
  const wrong = secrets.find((secret) => secret.length !== keyBytes)
  if (secrets.length === 0 || wrong !== undefined) {
    const got = wrong === undefined ? 'no line' : `${wrong.length} bytes`
    const text = `keys of ${keyBytes} bytes expected, ${got} got`
    return storeFault('misconfigured', `Cannot use the key file ${path}: ${text}`)
  }
  return sealKeys(secrets)
}

/** `secrets` of 32 bytes each, at least one, the newest first. */
export function sealKeys(secrets: readonly Buffer[]): SealKeys {
  const keys = secrets.map((secret) => {
    return { id: createHash('sha256').update(secret).digest().subarray(0, idBytes), secret }
  })
  return { current: keys[0] as SealKey, byId: new Map(keys.map((key) => [key.id.toString('hex'), key])) }
}

export function seal({ current }: SealKeys, name: RecordKey, fields: Buffer): Buffer {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(algorithm, current.secret, nonce)
  cipher.setAAD(boundTo(current, name))
  const enciphered = Buffer.concat([cipher.update(fields), cipher.final()])
  return Buffer.concat([current.id, nonce, cipher.getAuthTag(), enciphered])
}

export function unseal(keys: SealKeys | null, name: RecordKey, bytes: Buffer): Buffer | StoreFault {
  const head = idBytes + nonceBytes + tagBytes
  const id = bytes.subarray(0, idBytes).toString('hex')
  const key = keys?.byId.get(id)
  if (bytes.length < head || key === undefined) {
    return storeFault('corrupt', `Cannot open a sealed answer: no key with the id ${id}`)
  }
  const decipher = createDecipheriv(algorithm, key.secret, bytes.subarray(idBytes, idBytes + nonceBytes))
  decipher.setAAD(boundTo(key, name))
  decipher.setAuthTag(bytes.subarray(idBytes + nonceBytes, head))
  try {
    return Buffer.concat([decipher.update(bytes.subarray(head)), decipher.final()])
  } catch {
    // The tag does not fit: other bytes, or the bytes of another record.
    return storeFault('corrupt', 'Cannot open a sealed answer: it was changed, or belongs to another record')
  }
}

function boundTo(key: SealKey, name: RecordKey): Buffer {
  return Buffer.concat([key.id, Buffer.from(name, 'latin1')])
}
