import { createHash } from 'node:crypto'
import { FORMAT, HEAD_LENGTH, PLACES } from './record-format.ts'

/** A Lua script with one key, called by the hash of its text. */
export interface RedisScript {
  readonly text: string
  readonly sha: string
}

/** Milliseconds that a record outlives its deadline in Redis, for clocks that differ. */
const CLEAN_UP = 5 * 60_000

/**
 * Milliseconds after its reservation in which a record may be written, on the clock of the server.
 * Later than RESERVATION_AGE nobody waits for it any more; clocks of a cluster may differ by the rest.
 */
const RESERVATION_TIME = 5_000
const RESERVATION_AGE = 10_000

/** Lua: the sixteen digits of a number in a stored record. */
function digits(stored: string, name: keyof typeof PLACES): string {
  return `string.sub(${stored}, ${PLACES[name] + 1}, ${PLACES[name] + 16})`
}

/** Lua: a number in a stored record. */
function number(stored: string, name: keyof typeof PLACES): string {
  return `tonumber(${digits(stored, name)})`
}

/** Lua: the line of fields of a whole record. */
const fieldsOfStored = `string.sub(stored, ${HEAD_LENGTH + 1}, string.find(stored, '\\n', ${HEAD_LENGTH}, true) - 1)`

const readNumbers = `redis.call('GETRANGE', key, 0, ${HEAD_LENGTH - 1})`

const checkFormat = `if string.sub(stored, 1, ${FORMAT.length}) ~= '${FORMAT}' then
  return redis.error_reply('ERR a key of sessile holds no session that this version can read')
end`

const serverTime = `local time = redis.call('TIME')
local server_time = time[1] * 1000 + math.floor(time[2] / 1000)`

function refuseIfLate(reservedAt: string): string {
  return `if ${reservedAt} ~= '' then
  ${serverTime}
  if server_time > tonumber(${reservedAt}) + ${RESERVATION_TIME} then return 'late' end
end`
}

/** Lua: how long to keep a record that expires at a moment. */
function timeToLive(expires: string, now: string): string {
  return `string.format('%.0f', math.max(${expires} - ${now}, 0) + ${CLEAN_UP})`
}

/** ARGV: the moment of the reservation or '', the record, the present. */
export const createScript: RedisScript = script(`
local stored = ${readNumbers}
if stored ~= '' then
  return {'taken', ${digits('stored', 'listedAt')}, ${digits('stored', 'reviewAt')}}
end
${refuseIfLate('ARGV[1]')}
redis.call('SET', key, ARGV[2], 'PX',
  ${timeToLive(number('ARGV[2]', 'expiresAt'), 'tonumber(ARGV[3])')})
return 'created'
`)

/**
 * ARGV: the expected version in digits, the present, the step ('plain', 'ask' or 'indexed'), the
 * moment of the reservation or '', how many bytes of the fields tell the principal, the record.
 */
export const saveScript: RedisScript = script(`
local record = ARGV[6]
local begin = string.sub(record, ${HEAD_LENGTH + 1}, ${HEAD_LENGTH} + ARGV[5])
local stored = redis.call('GETRANGE', key, 0, ${HEAD_LENGTH - 1} + #begin)
if stored == '' then return 'gone' end
${checkFormat}
local now = tonumber(ARGV[2])
if ${number('stored', 'expiresAt')} <= now then return 'gone' end
if ${digits('stored', 'version')} ~= ARGV[1] then return 'conflict' end

local absolute = ${number('record', 'absoluteExpiresAt')}
if ARGV[3] ~= 'indexed' then
  local moves = string.sub(stored, ${HEAD_LENGTH + 1}) ~= begin
  local outlives = begin ~= '[null,' and absolute > ${number('stored', 'absoluteExpiresAt')}
  if ARGV[3] == 'ask' or moves or outlives then
    stored = redis.call('GET', key)
    return {'index', ${fieldsOfStored}}
  end
end
${refuseIfLate('ARGV[4]')}

local seen = math.max(${number('stored', 'lastSeenAt')}, ${number('record', 'lastSeenAt')})
local expires = math.min(seen + ${number('record', 'idleTimeout')}, absolute)
redis.call('SET', key, record, 'PX', ${timeToLive('expires', 'now')})
if seen > ${number('record', 'lastSeenAt')} then
  redis.call('SETRANGE', key, ${PLACES.lastSeenAt}, string.format('%016.0f %s %016.0f',
    seen, ${digits('record', 'idleTimeout')}, expires))
end
local review = ${digits('stored', 'reviewAt')}
local answer = 'saved'
if expires < tonumber(review) then
  review = string.format('%016.0f', expires)
  answer = {'earlier', review}
end
redis.call('SETRANGE', key, ${PLACES.createdAt},
  string.sub(stored, ${PLACES.createdAt + 1}, ${PLACES.reviewAt}) .. review)
return answer
`)

/** ARGV: the expected version in digits, lastSeenAt, idleTimeout, the present. */
export const touchScript: RedisScript = script(`
local stored = ${readNumbers}
if stored == '' then return 0 end
${checkFormat}
local now, expires = tonumber(ARGV[4]), ${number('stored', 'expiresAt')}
if expires <= now then return 0 end
if ${digits('stored', 'version')} ~= ARGV[1] then return 1 end
local seen = math.max(${number('stored', 'lastSeenAt')}, tonumber(ARGV[2]))
local idle = tonumber(ARGV[3])
expires = math.max(expires, math.min(seen + idle, ${number('stored', 'absoluteExpiresAt')}))
redis.call('SETRANGE', key, ${PLACES.lastSeenAt},
  string.format('%016.0f %016.0f %016.0f', seen, idle, expires))
redis.call('PEXPIRE', key, ${timeToLive('expires', 'now')})
return 1
`)

/**
 * ARGV: the expected version in digits or '', how the fields of the expected principal begin or '',
 * the moment before which it must have expired or ''.
 */
export const deleteScript: RedisScript = script(`
local stored = redis.call('GET', key)
if not stored then return 'gone' end
${checkFormat}
if string.sub(stored, ${HEAD_LENGTH + 1}, ${HEAD_LENGTH} + #ARGV[2]) ~= ARGV[2] then
  return 'gone'
end
if ARGV[1] ~= '' and ${digits('stored', 'version')} ~= ARGV[1] then return 'conflict' end
if ARGV[3] ~= '' and ${number('stored', 'expiresAt')} >= tonumber(ARGV[3]) then
  return 'conflict'
end
redis.call('DEL', key)
return {'deleted', ${fieldsOfStored}, ${digits('stored', 'listedAt')}, ${digits('stored', 'reviewAt')}}
`)

/** ARGV: listedAt and reviewAt as they were, and as they shall be; all in digits. */
export const reviewScript: RedisScript = script(`
local stored = ${readNumbers}
if ${digits('stored', 'listedAt')} ~= ARGV[1] or ${digits('stored', 'reviewAt')} ~= ARGV[2] then
  return 0
end
redis.call('SETRANGE', key, ${PLACES.listedAt}, ARGV[3] .. ' ' .. ARGV[4])
return 1
`)

/**
 * The key is the index of a principal. ARGV: the id, a nonce ('' adds nothing), the limit or '', how
 * long the index has to live, how many ids do not count, these ids, members to remove.
 */
export const reserveScript: RedisScript = script(`
${serverTime}
local uncounted = tonumber(ARGV[5])
for position = 6 + uncounted, #ARGV do redis.call('ZREM', key, ARGV[position]) end
if ARGV[3] ~= '' and redis.call('ZCARD', key) >= tonumber(ARGV[3]) then
  local seen, count = {[ARGV[1]] = true}, 0
  for position = 6, 5 + uncounted do seen[ARGV[position]] = true end
  local members = redis.call('ZRANGE', key, 0, -1)
  for _, member in ipairs(members) do
    local id = string.match(member, '^(.*):%d+:%w+$')
    if not seen[id] then
      seen[id] = true
      count = count + 1
    end
  end
  if count >= tonumber(ARGV[3]) then
    return {'full', string.format('%.0f', server_time - ${RESERVATION_AGE}), members}
  end
end
local sample = {}
if redis.call('ZCARD', key) > 8 then sample = redis.call('ZRANDMEMBER', key, 2) end
local reserved_at = string.format('%.0f', server_time)
if ARGV[2] ~= '' then
  redis.call('ZADD', key, 0, ARGV[1] .. ':' .. reserved_at .. ':' .. ARGV[2])
end
if redis.call('PTTL', key) < tonumber(ARGV[4]) then redis.call('PEXPIRE', key, ARGV[4]) end
return {'reserved', reserved_at, sample}
`)

/** The key is the index of a principal. ARGV: members without a session of that principal. */
export const pruneScript: RedisScript = script(`
${serverTime}
for _, member in ipairs(ARGV) do
  local reserved_at = tonumber(string.match(member, ':(%d+):%w+$'))
  if reserved_at < server_time - ${RESERVATION_AGE} then redis.call('ZREM', key, member) end
end
return 1
`)

function script(body: string): RedisScript {
  const text = `local key = KEYS[1]${body.trimEnd()}`
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}
