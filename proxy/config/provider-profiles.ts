// What providers say of keys, as data: which field carries one, how long it may be, how long it is remembered, and what
// becomes of a repetition. Read from their documentation; validate compares `deduplicates` with it, and nobody else
// acts on it. Verify with the provider before relying on a row.

export interface ProviderProfile {
  readonly name: string
  /** Hosts of its API, as suffixes. */
  readonly hosts: readonly string[]
  /** The field, in small letters; null: the key stands in the body, where this proxy does not write. */
  readonly header: string | null
  /** Longest key, characters; null: not published. A UUID has 36. */
  readonly maxLength: number | null
  /** The least it promises; null: not published. */
  readonly retentionMs: number | null
  /** Answers to a repetition while the first is running, and with other contents; null: not published. */
  readonly concurrentStatus: number | null
  readonly mismatchStatus: number | null
  /** Whether a 5xx is given again to the same key. */
  readonly replaysServerErrors: boolean | null
  readonly note: string
}

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

type Row = readonly [
  name: string, hosts: readonly string[], header: string | null, maxLength: number | null, retentionMs: number | null,
  concurrent: number | null, mismatch: number | null, replays: boolean | null, note: string,
]

const rows: readonly Row[] = [
  ['stripe', ['api.stripe.com'], 'idempotency-key', 255, day, 409, 400, true,
    'v1; v2 keeps 30 days and drives failed work again. 429 and 401 come before keys are looked at.'],
  ['adyen', ['adyen.com', 'adyenpayments.com'], 'idempotency-key', 64, 7 * day, null, null, null,
    'By company account, and not across its regional endpoints.'],
  ['paypal', ['paypal.com'], 'paypal-request-id', 108, 6 * hour, null, null, null,
    'Answers with the latest state of the first request; differs by API, up to 72 hours.'],
  ['braintree', ['braintree-api.com'], null, null, 30 * day, null, null, null, 'GraphQL only.'],
  ['square', ['squareup.com', 'squareupsandbox.com'], null, 45, null, null, null, null,
    'A member of the body, idempotency_key; its retention is not published.'],
  ['worldline', ['api-ingenico.com', 'worldline-solutions.com'], 'x-gcs-idempotence-key', 40, day, 409, null, null,
    'The same outcome even if the contents differ.'],
  ['ppro', ['ppro.com'], 'request-idempotency-key', null, day, 409, null, null, 'Does not keep a 4xx.'],
  ['truelayer', ['truelayer.com', 'truelayer-sandbox.com'], 'idempotency-key', 36, 30 * day, 409, 422, null, 'A UUID.'],
  ['mastercard-iccp', ['mastercard.com'], 'idempotency-key', 36, 30_000, null, null, null,
    'A UUID of version 4, for 30 seconds.'],
  ['qonto', ['qonto.com'], 'x-qonto-idempotency-key', null, 30 * minute, null, null, null,
    'Ignores that the body differs.'],
  ['fluidpay', ['fluidpay.com'], null, 36, 5 * minute, null, null, null, 'A member of the body, idempotency_key.'],
  ['rapyd', ['rapyd.net'], 'idempotency', null, day, null, null, null, 'Compares the amount alone by default.'],
  ['helcim', ['helcim.com'], 'idempotency-key', 36, null, null, null, null, '25 to 36 characters.'],
]

export const providerProfiles: readonly ProviderProfile[] = rows.map(
  ([name, hosts, header, maxLength, retentionMs, concurrentStatus, mismatchStatus, replaysServerErrors, note]) => ({
    name, hosts, header, maxLength, retentionMs, concurrentStatus, mismatchStatus, replaysServerErrors, note,
  }))

/** The provider behind that host, where it is one we know. */
export function providerOf(host: string): ProviderProfile | null {
  const name = host.toLowerCase().replace(/:\d+$/, '')
  return providerProfiles.find(({ hosts }) => hosts.some((one) => name === one || name.endsWith(`.${one}`))) ?? null
}
