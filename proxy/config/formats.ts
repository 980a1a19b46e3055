// The formats that text values of the configuration may be asked to have: for each, the check and the words in which a
// fault says what was expected. The schema names them; editors ignore them.

import { BlockList, isIP } from 'node:net'
import { parseAddress } from './address.ts'

export interface TextFormat {
  readonly accepts: (text: string) => boolean
  readonly expected: string
  readonly fix: string
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

export const formats: Readonly<Record<string, TextFormat>> = {
  'listen-address': {
    accepts: (text) => parseAddress(text) !== null,
    expected: 'HOST:PORT or unix:/PATH', fix: 'write for instance "127.0.0.1:8080"',
  },
  'address-range': {
    accepts: isAddressRange,
    expected: 'an address or a CIDR range', fix: 'write for instance "10.0.0.0/8"',
  },
  'file-path': {
    // Whoever writes the PEM itself in its place would see it in every message about it.
    accepts: (text) => text !== '' && text.length <= 4096 && !/[\0\n\r]/.test(text),
    expected: 'the path of a file', fix: 'write for instance "/run/tls/tls.crt"',
  },
  origin: {
    accepts: isOrigin,
    expected: 'an http or https URL with neither path nor credentials',
    fix: 'write for instance "http://127.0.0.1:3000"',
  },
  authority: {
    accepts: (text) => isOrigin(`http://${text}`),
    expected: 'a host name, with a port if need be', fix: 'write for instance "api.provider.example"',
  },
  'server-name': {
    // RFC 6066 section 3: a name, never an address.
    accepts: (text) => /^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/.test(text) && !/^[0-9.]+$/.test(text),
    expected: 'a host name, without port', fix: 'write for instance "api.provider.example"',
  },
  method: {
    // CONNECT would make a tunnel through this proxy; the edge answers it before any route is looked for.
    accepts: (text) => token.test(text) && text === text.toUpperCase() && text !== 'CONNECT',
    expected: 'a method in capitals, not CONNECT', fix: 'write for instance "POST"',
  },
  'match-host': {
    accepts: (text) => isOrigin(`http://${text}`) && text === text.toLowerCase() && !/:[0-9]*$/.test(text),
    expected: 'a host name in small letters, without port', fix: 'write for instance "shop.example"',
  },
  'match-path': {
    accepts: isMatchPath,
    expected: 'a path from /, with * at its end only, without query, dot segments or %',
    fix: 'write for instance "/charge", "/charges/:id" or "/v1/*"',
  },
  'path-prefix': {
    accepts: (text) => text === '' || /^(\/[^/?#\s*:]+)+$/.test(text),
    expected: 'the beginning of a path, without / at its end', fix: 'write for instance "/api"',
  },
  'check-path': {
    accepts: (text) => text.length <= 2048 && /^\/[!-~]*$/.test(text) && !text.includes('#'),
    expected: 'a path from /, with a query if need be', fix: 'write for instance "/health"',
  },
  'web-url': {
    // It stands between < and > in a field.
    accepts: (text) => /^https?:\/\/[^\s<>"\\]+$/.test(text) && /^[!-~]+$/.test(text) && URL.canParse(text),
    expected: 'a URL of http or https', fix: 'write for instance "https://docs.example/keys"',
  },
  'header-name': {
    accepts: (text) => token.test(text), expected: 'the name of a header field', fix: 'write for instance "x-internal"',
  },
  rate: {
    accepts: (text) => /^[1-9][0-9]{0,8}\/(s|m|h|d)$/.test(text),
    expected: 'a number of requests for each s, m, h or d', fix: 'write for instance "50/s"',
  },
  'rate-limit-key': {
    accepts: (text) => /^(ip|identity|route|all|header:.+)$/.test(text) && token.test(text.replace('header:', '')),
    expected: 'ip, identity, route, all or header:NAME', fix: 'write for instance "header:x-merchant"',
  },
  'key-scope': {
    accepts: (text) => /^(credential|mtls|none|header:.+)$/.test(text) && token.test(text.replace('header:', '')),
    expected: 'credential, mtls, none or header:NAME', fix: 'write for instance "header:x-merchant"',
  },
  'json-member': {
    accepts: (text) => /^\$(?:\.[A-Za-z0-9_-]+)+$/.test(text) && text.length <= 256,
    expected: '$ and names of members', fix: 'write for instance "$.sent_at" or "$.items.trace_id"',
  },
  'json-path': {
    accepts: (text) => /^\$(\.[^.[\]\s]+|\[\d{1,6}\])+$/.test(text),
    expected: 'a path of names and indices from $', fix: 'write for instance "$.order_id" or "$.items[0].id"',
  },
  'redis-url': {
    accepts: (text) => /^rediss?:\/\//.test(text) && URL.canParse(text) && new URL(text).hostname !== '',
    expected: 'redis://HOST:PORT, or rediss:// with TLS', fix: 'write for instance "redis://127.0.0.1:6379"',
  },
  'host-port': {
    accepts: (text) => isOrigin(`http://${text}`),
    expected: 'a host name, with a port if need be', fix: 'write for instance "127.0.0.1:26379"',
  },
  'header-value': {
    // Anything else would end the field and begin another one.
    accepts: (text) => /^[\t\x20-\x7e\x80-\xff]*$/.test(text),
    expected: 'the value of a header field, without line breaks', fix: 'remove control and non-Latin characters',
  },
}

function isOrigin(text: string): boolean {
  if (!/^https?:\/\/[^/\s?#@\\]+$/i.test(text) || !URL.canParse(text)) return false
  const url = new URL(text)
  return url.hostname !== '' && url.pathname === '/' && url.port !== '0'
}

function isAddressRange(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/')
  const family = isIP(address)
  if (family === 0 || more.length > 0) return false
  if (bits === undefined) return true
  if (!/^[0-9]{1,3}$/.test(bits)) return false
  try {
    new BlockList().addSubnet(address, Number(bits), family === 6 ? 'ipv6' : 'ipv4')
    return true
  } catch {
    // Node says so of a prefix longer than the address.
    return false
  }
}

/** What the route table can match: canonical text, whole segments for parameters, one star at the end. */
function isMatchPath(text: string): boolean {
  if (!/^\/[^\s?#%\\]*$/.test(text) || text.includes('//') || /\*./.test(text)) return false
  return text.split('/').slice(1).every((segment, i, all) => {
    const isLast = i === all.length - 1
    if (segment === '.' || segment === '..' || (segment === '' && !isLast)) return false
    return !segment.startsWith(':') || /^:[A-Za-z_][A-Za-z0-9_]*$/.test(segment)
  })
}
