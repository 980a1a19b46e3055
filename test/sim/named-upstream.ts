// An upstream in virtual time whose one endpoint is a name: which addresses the name has is what a test says, while it
// runs. Each address is an endpoint with its own behaviour, as the real leaf makes them.

import type { Attempt } from '../../proxy/core/attempt.ts'
import type { CheckResult, Endpoint, Upstream } from '../../proxy/core/upstream.ts'
import { SimEndpoint } from './sim-upstream.ts'
import type { Behaviour } from './sim-upstream.ts'
import type { VirtualClock } from './virtual-clock.ts'

const origin = 'http://app.sim'
const configured: Endpoint = { url: origin, host: 'app.sim', port: 80, isSecure: false }

export class NamedUpstream implements Upstream {
  readonly name = 'service'
  endpoints: readonly Endpoint[] = [configured]
  readonly hosts: readonly SimEndpoint[]
  #changed: () => void = () => {}
  #turn = 0

  /** `hosts`: how each address that the name ever has differs from one that is well. */
  constructor(clock: VirtualClock, hosts: readonly Partial<Behaviour>[]) {
    this.hosts = hosts.map((own, i) => {
      const address = `10.0.0.${i}`
      return new SimEndpoint({ ...configured, url: `${origin}#${address}`, address }, clock, {
        slots: Infinity, serviceMs: () => 10, status: 200, statusOf: null, headers: [], mode: 'serve', bodyMs: 0,
        checkStatus: 200, ...own,
      })
    })
  }

  watch(changed: () => void): void { this.#changed = changed }

  /** The name has these addresses from now on; `late`: those that come while others are there. */
  points(at: readonly number[], late: readonly number[] = []): void {
    const known = this.endpoints
    this.endpoints = at.length === 1 ? [configured] : at.map((i) => {
      const { endpoint } = this.hosts[i] as SimEndpoint
      return known.find(({ url }) => url === endpoint.url) ?? { ...endpoint, isLatecomer: late.includes(i) }
    })
    this.#changed()
  }

  send(attempt: Attempt): void {
    const chosen = attempt.endpoint ?? this.endpoints[this.#turn++ % this.endpoints.length] as Endpoint
    this.#hostOf(chosen).send(attempt)
    attempt.endpoint = chosen
  }

  async probe(): Promise<string | null> { return null }

  check(endpoint: Endpoint, _path: string, timeoutMs: number): Promise<CheckResult> {
    return this.#hostOf(endpoint).check(timeoutMs)
  }

  inspect(): Record<string, number> { return {} }

  close(): void { /* There is nothing open. */ }

  /** The name itself is whoever is first. */
  #hostOf({ url }: Endpoint): SimEndpoint {
    return this.hosts.find(({ endpoint }) => endpoint.url === url) ?? this.hosts[0] as SimEndpoint
  }
}
