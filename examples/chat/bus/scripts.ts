/**
 * The scripts that Redis runs. Each is one step for all nodes: nothing happens between its commands.
 *
 * The stream `log` names everything that nodes tell each other, in one order: the position is the id. Each record
 * has a mark, which is the digest of its content and of the mark before it. A reader compares the marks. So it
 * notices a gap, and a Redis that has lost records and has got others in their places. A line is in the stream of
 * its room, and its number is the id there.
 *
 * **Permissions**: none.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Script } from "./redis.ts";

function script(text: string): Script {
  return { text, digest: createHash("sha1").update(text).digest("hex") };
}

/** The number of entries of `log`. A node that is farther behind begins anew. */
const LOG = 100_000;

/** The number of lines of a user whose ids are remembered, and the time in seconds. */
const [LINES, LINES_TIME] = [4096, 30 * 24 * 3600];

const NAMES = `
local seqkey, poskey, epochkey, log, nodes, owners, names, namekeys, users, tokens, lastuser, rooms, files, floors =
  unpack(KEYS, 1, 14)
local epoch, node = ARGV[1], ARGV[2]
local seq = tonumber(redis.call('GET', seqkey) or '0')
local pos, mark = string.match(redis.call('GET', poskey) or '0 ', '^(%d+) ?(.*)$')
pos = tonumber(pos)
local function note(content, ...)
  local last = mark
  pos = pos + 1
  mark = string.sub(redis.sha1hex(table.concat({ last, content, ... }, '\\0')), 1, 16)
  local now = string.format('%d', pos)
  redis.call('XADD', log, 'MAXLEN', '~', ${LOG}, now .. '-0', 'p', last, 'm', mark, ...)
  redis.call('SET', poskey, now .. ' ' .. mark)
end
`;

/** The first line of a script that also runs while Redis is out of memory. It needs next to none. */
const WITHOUT_MEMORY = "#!lua flags=allow-oom";

/** The beginning of all scripts of a node: the epoch, and the lease. */
const GUARD = `${NAMES}
if redis.call('GET', epochkey) ~= epoch then
  return redis.error_reply('EPOCH the bus has another epoch')
end
if node ~= '' and not redis.call('ZSCORE', nodes, node) then
  return redis.error_reply('FENCED the lease of this node has ended')
end
`;

/**
 * Returns the epoch, the last number, the last position and its mark, and makes them in an empty Redis. If Redis
 * has lost what a node has seen, the epoch changes.
 */
export const INIT: Script = script(`${NAMES}
local fresh, known, number, position = ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local theirs = ARGV[7]
local function loses()
  if seq < number or pos < position then return true end
  if pos == position then return mark ~= theirs end
  local id = string.format('%d-0', position)
  local record = redis.call('XRANGE', log, id, id)[1]
  return record ~= nil and record[2][4] ~= theirs
end
local now = redis.call('GET', epochkey)
if now and not (now == known and loses()) then return { now, seq, pos, mark } end
if now then redis.call('INCRBY', lastuser, 1000) end
redis.call('SET', epochkey, fresh)
seq, pos = math.max(seq, number), math.max(pos, position)
if now then seq = seq + 1 end
redis.call('SET', seqkey, string.format('%d', seq))
note(fresh, 't', 'i')
return { fresh, seq, pos, mark }
`);

/**
 * Stores lines. Each has eight arguments: room, index of its stream, index of the lines of the user, user and
 * fence with a slash between them, id that makes it unique, number or 0, content, trace or nothing. Returns the
 * position and its mark, and a number for each line: positive if it is new, negative if it is stored already, 0 if
 * the node does not act for the user under this fence any more.
 */
export const APPEND: Script = script(`${GUARD}
local last = seq
for i = 3, #ARGV, 8 do
  local given = tonumber(ARGV[i + 5])
  if given > 0 then
    if given <= last then return redis.error_reply('ORDER the number is taken') end
    last = given
  end
end
local results = { 0, '' }
for i = 3, #ARGV, 8 do
  local room, stream, lines = ARGV[i], KEYS[tonumber(ARGV[i + 1])], KEYS[tonumber(ARGV[i + 2])]
  local user, fence = string.match(ARGV[i + 3], '^(.*)/(.*)$')
  local once, given, data = ARGV[i + 4], tonumber(ARGV[i + 5]), ARGV[i + 6]
  local owner = node ~= '' and redis.call('HGET', owners, user)
  local known = once ~= '' and redis.call('ZSCORE', lines, once)
  if known then
    results[#results + 1] = -tonumber(known)
  elseif node ~= '' and not (owner and string.find(owner, node .. '/' .. fence .. '/', 1, true) == 1) then
    results[#results + 1] = 0
  else
    local at = given > 0 and given or seq + 1
    local id = string.format('%d-0', at)
    redis.call('XADD', stream, id, 'd', data)
    redis.call('SADD', rooms, room)
    redis.call('SET', seqkey, string.format('%d', at))
    seq = at
    local trace = ARGV[i + 7]
    if trace == '' then note(data, 't', 'e', 'r', room, 'q', string.format('%d', at), 'n', node)
    else note(data, 't', 'e', 'r', room, 'q', string.format('%d', at), 'n', node, 'c', trace) end
    if once ~= '' then
      redis.call('ZADD', lines, at, once)
      redis.call('ZREMRANGEBYRANK', lines, 0, -${LINES + 1})
      redis.call('EXPIRE', lines, ${LINES_TIME})
    end
    results[#results + 1] = at
  end
end
results[1], results[2] = pos, mark
return results
`);

/**
 * Stores users. `ARGV[3]` is the maximum number of users in the chat. Each user has seven arguments: mode,
 * id or nothing, key of the name, state, hash of the token or nothing, fence, record. A claim takes the
 * name and the session; a node that has the session already keeps its fence. The claim of a new user gets `again`
 * if the id is another's: after a failover, the counter can give an id twice. Returns the position and its mark, and
 * for each user: id and fence, or `again`, `taken`, `full` or `moved`.
 */
export const SAVE: Script = script(`${GUARD}
local most = tonumber(ARGV[3])
local results = { 0, '' }
for i = 4, #ARGV, 7 do
  local mode, id, key, state = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local hash, fence, data = ARGV[i + 4], ARGV[i + 5], ARGV[i + 6]
  local owner = id ~= '' and redis.call('HGET', owners, id)
  local holder = redis.call('HGET', names, key)
  local claims = mode == 'claim' or mode == 'new'
  local known = mode == 'new' and redis.call('HGET', users, id)
  if known and not (known == data and owner and string.find(owner, node .. '/', 1, true) == 1) then
    results[#results + 1] = 'again'
  elseif claims and holder and holder ~= id then
    results[#results + 1] = 'taken'
  elseif claims and not owner and most > 0 and redis.call('HLEN', owners) >= most then
    results[#results + 1] = 'full'
  elseif not claims and node ~= '' and
    not (owner and string.find(owner, node .. '/' .. fence .. '/', 1, true) == 1) then
    results[#results + 1] = 'moved'
  else
    if id == '' then id = tostring(redis.call('INCR', lastuser)) end
    if mode == 'new' and tonumber(redis.call('GET', lastuser) or '0') < tonumber(id) then
      redis.call('SET', lastuser, id)
    end
    if claims then
      fence = owner and string.match(owner, '^' .. node .. '/(%d+)/') or string.format('%d', pos + 1)
    end
    local old = redis.call('HGET', namekeys, id)
    -- Only a claim gives a name: what was saved before it can come behind it.
    local leaves = state == 'gone' or (claims and old ~= key)
    if leaves and old and redis.call('HGET', names, old) == id then redis.call('HDEL', names, old) end
    redis.call('HSET', users, id, data)
    if hash ~= '' then redis.call('HSET', tokens, hash, id) end
    if state == 'gone' then
      redis.call('HDEL', owners, id)
      redis.call('HDEL', namekeys, id)
    else
      local kind = hash ~= '' and 'b' or 't'
      redis.call('HSET', owners, id, node .. '/' .. fence .. '/' .. state .. '/' .. kind)
      if claims then
        redis.call('HSET', namekeys, id, key)
        redis.call('HSET', names, key, id)
      end
    end
    note('', 't', 'u', 'u', id, 'n', node, 'f', fence, 's', state, 'd', data)
    results[#results + 1] = id .. ' ' .. fence
  end
end
results[1], results[2] = pos, mark
return results
`);

/**
 * Renews the lease of a node, or begins it. Ends the leases that are over, and gives the sessions of their
 * nodes to this node: browsers may come back, terminals are gone. Arguments: duration in milliseconds,
 * whether the lease is new. Returns the last position, the number of nodes, and the mark of the position.
 */
export const RENEW: Script = script(`${WITHOUT_MEMORY}${NAMES}
local lease, fresh = tonumber(ARGV[3]), ARGV[4] == '1'
if redis.call('GET', epochkey) ~= epoch then
  return redis.error_reply('EPOCH the bus has another epoch')
end
if not fresh and not redis.call('ZSCORE', nodes, node) then
  return redis.error_reply('FENCED the lease of this node has ended')
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZADD', nodes, string.format('%d', now + lease), node)
local dead = redis.call('ZREMRANGEBYSCORE', nodes, '-inf', string.format('(%d', now))
if dead > 0 or fresh then
  local all = redis.call('HGETALL', owners)
  for i = 1, #all, 2 do
    local id, other, kind = all[i], string.match(all[i + 1], '^([^/]*)/%d*/%a+/(%a)$')
    if not redis.call('ZSCORE', nodes, other) then
      local fence, state = string.format('%d', pos + 1), kind == 'b' and 'away' or 'gone'
      if state == 'away' then
        redis.call('HSET', owners, id, node .. '/' .. fence .. '/away/b')
      else
        local key = redis.call('HGET', namekeys, id)
        if key and redis.call('HGET', names, key) == id then redis.call('HDEL', names, key) end
        redis.call('HDEL', namekeys, id)
        redis.call('HDEL', owners, id)
      end
      note('', 't', 'u', 'u', id, 'n', node, 'f', fence, 's', state, 'a', '1',
        'd', redis.call('HGET', users, id))
    end
  end
end
return { pos, redis.call('ZCARD', nodes), mark }
`);

/** Ends the lease of a node. The next node that renews its own takes over the sessions. */
export const RELEASE: Script = script(`${WITHOUT_MEMORY}${GUARD}
redis.call('ZADD', nodes, 0, node)
return 1
`);

/**
 * Tells all nodes something about files or users, and keeps a description of a file. Arguments: kind,
 * data, and perhaps the id of the file. Returns the position and its mark.
 */
export const TELL: Script = script(`${GUARD}
local kind, data, file = ARGV[3], ARGV[4], ARGV[5]
if kind == 'f' then redis.call('HSET', files, file, data) end
note('', 't', kind, 'n', node, 'd', data)
return { pos, mark }
`);

/**
 * Removes a user with the id in the third argument, whose token has the hash in the fourth one. Returns the
 * position and its mark.
 */
export const FORGET: Script = script(`${GUARD}
local id, hash = ARGV[3], ARGV[4]
local key = redis.call('HGET', namekeys, id)
if key and redis.call('HGET', names, key) == id then redis.call('HDEL', names, key) end
redis.call('HDEL', owners, id)
redis.call('HDEL', namekeys, id)
redis.call('HDEL', users, id)
if hash ~= '' then redis.call('HDEL', tokens, hash) end
note('', 't', 'k', 'n', node, 'd', id)
return { pos, mark }
`);

/**
 * Removes a message of a room and its edits from the stream, and keeps what stands for the message. Arguments:
 * number, what stands for it or nothing, the ids of edits; the stream and the erased messages are the last keys.
 */
export const ERASE: Script = script(`${GUARD}
local number, stub = ARGV[3], ARGV[4]
if stub ~= '' and redis.call('XDEL', KEYS[15], number .. '-0') == 1 then
  redis.call('HSET', KEYS[16], number, stub)
end
for i = 5, #ARGV do redis.call('XDEL', KEYS[15], ARGV[i]) end
return 1
`);

/**
 * Removes the lines of a room before a number. Arguments: room, number; the stream and the erased messages are the
 * last keys.
 */
export const TRIM: Script = script(`${GUARD}
local room, first = ARGV[3], ARGV[4]
local removed = redis.call('XTRIM', KEYS[15], 'MINID', first)
for _, number in ipairs(redis.call('HKEYS', KEYS[16])) do
  if tonumber(number) < tonumber(first) then
    removed = removed + redis.call('HDEL', KEYS[16], number)
  end
end
local floor = tonumber(redis.call('HGET', floors, room) or '0')
if removed > 0 and tonumber(first) - 1 > floor then
  redis.call('HSET', floors, room, string.format('%d', tonumber(first) - 1))
end
return removed
`);
