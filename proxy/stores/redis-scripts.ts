// The two scripts that run inside Redis: one asks and claims, one takes a word by token or by an operator. They are the
// state machine of algorithms/idempotency-record.ts in the server's own time; the contract suite holds both together.
//
// A record is one hash: v version · st stage (f, u, d) · tok · own · fp · cred · gen · ct claimed · le lease until ·
// rs reason · ft finished · ans answer. Numbers are written with %.0f, because Lua would write them with an exponent.
//
// A lease that has passed is written down as a doubt before it is told to anybody (see the state machine).

import { createHash } from 'node:crypto'

export interface RedisScript { readonly source: string; readonly digest: string }

const head = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function text(number) return string.format('%.0f', number) end
local key = KEYS[1]
local held = redis.call('HMGET', key, 'v', 'st', 'tok', 'gen', 'le', 'fp')
local version, stage, token = held[1], held[2], held[3]
local generation, lease, print = tonumber(held[4]), tonumber(held[5]), held[6]
local exists = true
if not version then
  if redis.call('EXISTS', key) == 1 then return {'corrupt'} end
  exists = false
elseif version ~= '1' then return {'future-version', version}
elseif not (stage and token and generation and print) or (stage == 'f' and not lease) then return {'corrupt'}
end
local function lose()
  if stage == 'f' and now >= lease then
    redis.call('HSET', key, 'st', 'u', 'rs', 'owner-lost')
    stage = 'u'
  end
end
`

/**
 * ARGV: verb (claim, look) · token · owner · fingerprint · credential · leaseMs · ttlMs · inDoubt.
 * Gives: absent · taken, generation, createdAt · mismatch · held and the record.
 */
export const claimScript = script(`${head}
local verb, mine, owner, fingerprint, credential = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local function take(next)
  -- First of all writes: a full server refuses this one, and would not refuse it behind a DEL.
  redis.call('HSET', key, 'v', '1', 'st', 'f', 'tok', mine, 'own', owner, 'fp', fingerprint, 'cred', credential,
    'gen', text(next), 'ct', text(now), 'le', text(now + tonumber(ARGV[6])))
  if next > 1 then redis.call('HDEL', key, 'rs', 'ft', 'ans') end
  redis.call('PEXPIRE', key, ARGV[7])
  return {'taken', text(next), text(now)}
end
if not exists then
  if verb == 'look' then return {'absent'} end
  return take(1)
end
if verb == 'claim' then
  if token == mine and stage == 'f' then return {'taken', text(generation), redis.call('HGET', key, 'ct')} end
  if print ~= fingerprint then return {'mismatch'} end
  local doubtful = stage == 'u' or (stage == 'f' and now >= lease)
  if doubtful and ARGV[8] == 'retry' and token ~= mine then return take(generation + 1) end
end
lose()
local left = 0
if stage == 'f' then left = lease - now end
local shown = redis.call('HMGET', key, 'own', 'cred', 'ct', 'rs', 'ft', 'ans')
return {'held', stage, print, text(generation), text(left),
  shown[1] or '', shown[2] or '', shown[3] or '', shown[4] or '', shown[5] or '', shown[6] or ''}
`)

/**
 * ARGV: verb · token · then for finish: answer, ttlMs · doubt: reason · renew: leaseMs · executed: answer, ttlMs, where
 * the token is a new one. release, not-executed, forget and drop (a purge) need no more.
 */
export const wordScript = script(`${head}
if not exists then return {'gone'} end
local verb, mine = ARGV[1], ARGV[2]
local function keep(ttl)
  if redis.call('PTTL', key) < ttl then redis.call('PEXPIRE', key, text(ttl)) end
end
local function done()
  redis.call('HSET', key, 'st', 'd', 'tok', mine, 'ans', ARGV[3], 'ft', text(now))
  redis.call('HDEL', key, 'le', 'rs')
  keep(tonumber(ARGV[4]))
end
if verb == 'executed' or verb == 'not-executed' or verb == 'forget' or verb == 'drop' then
  lose()
  if stage == 'f' then return {'in-flight'} end
  if verb == 'forget' or verb == 'drop' then redis.call('DEL', key) return {'resolved'} end
  if stage == 'd' then return {'done'} end
  if verb == 'executed' then done() else redis.call('DEL', key) end
  return {'resolved'}
end
if token ~= mine then return {'fenced'} end
if verb == 'finish' then
  if stage == 'd' then return {'already'} end
  done()
  return {'stored'}
end
if verb == 'doubt' then
  if stage == 'd' then return {'fenced'} end
  if stage == 'u' then return {'already'} end
  redis.call('HSET', key, 'st', 'u', 'rs', ARGV[3])
  return {'stored'}
end
if stage ~= 'f' then return {'fenced'} end
if verb == 'release' then
  redis.call('DEL', key)
  return {'stored'}
end
local until_ms = now + tonumber(ARGV[3])
redis.call('HSET', key, 'le', text(until_ms))
-- Work that is alive keeps its key, and then for a while as a doubt.
keep(tonumber(ARGV[3]) + 60000)
return {'stored'}
`)

/** Tokens of a shared rate limit; see token-lease.ts. ARGV: want · rate a ms · burst. Gives what is granted. */
export const leaseScript = script(`
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local want, rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local held = redis.call('HMGET', KEYS[1], 'left', 'at')
local left, at = tonumber(held[1]) or burst, tonumber(held[2]) or now
-- A clock that was set back refills nothing until it has caught up.
left = math.min(burst, left + math.max(0, now - at) * rate)
local granted = math.min(want, math.floor(left))
redis.call('HSET', KEYS[1],
  'left', string.format('%.6f', left - granted), 'at', string.format('%.0f', math.max(now, at)))
-- When it would be full again, nothing needs to be remembered.
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil(burst / rate) + 1000))
return granted
`)

function script(source: string): RedisScript {
  const text = source.trim()
  return { source: text, digest: createHash('sha1').update(text).digest('hex') }
}
