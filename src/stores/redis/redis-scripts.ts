import { createHash } from 'node:crypto'
import { FORMAT, HEAD_LENGTH } from './record-format.ts'

/** A Lua script with one key, called by the hash of its text. */
export interface RedisScript {
  readonly text: string
  readonly sha: string
}

/** Milliseconds that a record outlives its deadline in Redis. */
const CLEAN_UP = 5 * 60_000

/**
 * Milliseconds after its reservation in which a record may be written. A node of a cluster judges by
 * its own clock.
 */
const RESERVATION_TIME = 5_000

/** Milliseconds after which a reservation without a record can no longer become a session. */
const RESERVATION_AGE = 10_000

const functions = `
local key = KEYS[1]
local VERSION, SEEN, IDLE, EXPIRES, ABSOLUTE, CREATED, LISTED, REVIEW = 0, 1, 2, 3, 4, 5, 6, 7

local function digits_at(head, field)
  return string.sub(head, ${FORMAT.length + 1} + 17 * field, ${FORMAT.length + 16} + 17 * field)
end
local function number_at(head, field)
  return tonumber(digits_at(head, field))
end
local function digits(number)
  return string.format('%016.0f', number)
end
local function fields_of(stored)
  return string.sub(stored, ${HEAD_LENGTH + 1}, string.find(stored, '\\n', ${HEAD_LENGTH}, true) - 1)
end
local function check_format(stored)
  if string.sub(stored, 1, ${FORMAT.length}) ~= '${FORMAT}' then
    error('this key holds no session that this version of sessile can read')
  end
end
local function server_time()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function is_late(reserved_at)
  return reserved_at ~= '' and server_time() > tonumber(reserved_at) + ${RESERVATION_TIME}
end
local function time_to_live(expires, now)
  return string.format('%.0f', math.max(expires - now, 0) + ${CLEAN_UP})
end
`

/** ARGV: the moment of the reservation or '', the record, its expiresAt, the present. */
export const createScript: RedisScript = script(`
local stored = redis.call('GETRANGE', key, 0, ${HEAD_LENGTH - 1})
if stored ~= '' then
  check_format(stored)
  return {'taken', digits_at(stored, LISTED), digits_at(stored, REVIEW)}
end
if is_late(ARGV[1]) then return 'late' end
redis.call('SET', key, ARGV[2], 'PX', time_to_live(tonumber(ARGV[3]), tonumber(ARGV[4])))
return 'created'
`)

/**
 * ARGV: the expected version, the present, the step ('plain', 'ask' or 'indexed'), the moment of the
 * reservation or '', lastSeenAt, idleTimeout, absoluteExpiresAt, how many bytes of the fields tell
 * the principal, the fields with the payload.
 */
export const saveScript: RedisScript = script(`
local same = string.sub(ARGV[9], 1, tonumber(ARGV[8]))
local stored = redis.call('GETRANGE', key, 0, ${HEAD_LENGTH - 1} + #same)
if stored == '' then return 'gone' end
check_format(stored)
local now = tonumber(ARGV[2])
if number_at(stored, EXPIRES) <= now then return 'gone' end
if number_at(stored, VERSION) ~= tonumber(ARGV[1]) then return 'conflict' end

local absolute = tonumber(ARGV[7])
if ARGV[3] ~= 'indexed' then
  local moves = string.sub(stored, ${HEAD_LENGTH + 1}) ~= same
  local outlives = same ~= '[null,' and absolute > number_at(stored, ABSOLUTE)
  if ARGV[3] == 'ask' or moves or outlives then
    return {'index', fields_of(redis.call('GET', key))}
  end
end
if is_late(ARGV[4]) then return 'late' end

local seen = math.max(number_at(stored, SEEN), tonumber(ARGV[5]))
local idle = tonumber(ARGV[6])
local expires = math.min(seen + idle, absolute)
local review = math.min(number_at(stored, REVIEW), expires)
redis.call('SET', key, '${FORMAT}' .. table.concat({
  digits(number_at(stored, VERSION) + 1), digits(seen), digits(idle), digits(expires),
  digits(absolute), digits_at(stored, CREATED), digits_at(stored, LISTED), digits(review), ARGV[9],
}, ' '), 'PX', time_to_live(expires, now))
if review < number_at(stored, REVIEW) then return {'earlier', digits(review)} end
return 'saved'
`)

/** ARGV: the expected version, lastSeenAt, idleTimeout, the present. */
export const touchScript: RedisScript = script(`
local stored = redis.call('GETRANGE', key, 0, ${HEAD_LENGTH - 1})
if stored == '' then return 0 end
check_format(stored)
local now = tonumber(ARGV[4])
if number_at(stored, EXPIRES) <= now then return 0 end
if number_at(stored, VERSION) ~= tonumber(ARGV[1]) then return 1 end
local seen = math.max(number_at(stored, SEEN), tonumber(ARGV[2]))
local idle = tonumber(ARGV[3])
local expires = math.max(
  number_at(stored, EXPIRES), math.min(seen + idle, number_at(stored, ABSOLUTE)))
redis.call('SETRANGE', key, ${FORMAT.length + 17},
  digits(seen) .. ' ' .. digits(idle) .. ' ' .. digits(expires))
redis.call('PEXPIRE', key, time_to_live(expires, now))
return 1
`)

/**
 * ARGV: the expected version or '', how the fields of the expected principal begin or '', the moment
 * before which it must have expired or ''.
 */
export const deleteScript: RedisScript = script(`
local stored = redis.call('GET', key)
if not stored then return 'gone' end
check_format(stored)
if string.sub(stored, ${HEAD_LENGTH + 1}, ${HEAD_LENGTH} + #ARGV[2]) ~= ARGV[2] then
  return 'gone'
end
if ARGV[1] ~= '' and number_at(stored, VERSION) ~= tonumber(ARGV[1]) then return 'conflict' end
if ARGV[3] ~= '' and number_at(stored, EXPIRES) >= tonumber(ARGV[3]) then return 'conflict' end
redis.call('DEL', key)
return {'deleted', fields_of(stored), digits_at(stored, LISTED), digits_at(stored, REVIEW)}
`)

/** ARGV: listedAt and reviewAt as they were, and as they shall be. */
export const reviewScript: RedisScript = script(`
local stored = redis.call('GETRANGE', key, 0, ${HEAD_LENGTH - 1})
if digits_at(stored, LISTED) ~= ARGV[1] or digits_at(stored, REVIEW) ~= ARGV[2] then return 0 end
redis.call('SETRANGE', key, ${FORMAT.length + 6 * 17}, ARGV[3] .. ' ' .. ARGV[4])
return 1
`)

/**
 * The key is the index of a principal. ARGV: the id, a nonce ('' adds nothing), the limit or '', how
 * long the index has to live, how many ids do not count, these ids, members to remove.
 */
export const reserveScript: RedisScript = script(`
local now = server_time()
local uncounted = tonumber(ARGV[5])
for position = 6 + uncounted, #ARGV do redis.call('ZREM', key, ARGV[position]) end
if ARGV[3] ~= '' and redis.call('ZCARD', key) >= tonumber(ARGV[3]) then
  local counted, count = {[ARGV[1]] = true}, 0
  for position = 6, 5 + uncounted do counted[ARGV[position]] = true end
  local members = redis.call('ZRANGE', key, 0, -1)
  for _, member in ipairs(members) do
    local id = string.match(member, '^(.*):%d+:%w+$')
    if not counted[id] then
      counted[id] = true
      count = count + 1
    end
  end
  if count >= tonumber(ARGV[3]) then return {'full', digits(now - ${RESERVATION_AGE}), members} end
end
local sample = {}
if redis.call('ZCARD', key) > 8 then sample = redis.call('ZRANDMEMBER', key, 2) end
if ARGV[2] ~= '' then
  redis.call('ZADD', key, 0, ARGV[1] .. ':' .. string.format('%.0f', now) .. ':' .. ARGV[2])
end
if redis.call('PTTL', key) < tonumber(ARGV[4]) then redis.call('PEXPIRE', key, ARGV[4]) end
return {'reserved', string.format('%.0f', now), sample}
`)

/** The key is the index of a principal. ARGV: members without a session of that principal. */
export const pruneScript: RedisScript = script(`
local oldest = server_time() - ${RESERVATION_AGE}
for _, member in ipairs(ARGV) do
  local reserved_at = tonumber(string.match(member, ':(%d+):%w+$'))
  if reserved_at < oldest then redis.call('ZREM', key, member) end
end
return 1
`)

function script(body: string): RedisScript {
  const text = functions + body.trim()
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}
