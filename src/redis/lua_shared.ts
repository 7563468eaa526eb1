/**
 * The first part of the Lua library that runs inside Redis: names of keys, and what the functions share.
 * Each `lua_*.ts` is a part of one program: `library.ts` puts them one after the other.
 *
 * All keys begin with P, which is the first key that a function is called with: `{prefix}:`.
 *
 *     sessions  hash    client id -> session            u:<client id>  hash  full filter -> subscription
 *     i:<cid>   hash    r<id> received, i<id> inflight  q:<cid>  zset  order -> "order:size"
 *     b:<cid>   hash    order -> delivery               qb       hash  client id -> bytes of a queue nobody has
 *     claims    hash    client id -> node               own:<node>  set of client ids
 *     retained, wills, settings  hashes                 delayed:<node>  hash  order -> message of that node's
 *     heirs     hash    client id -> claim that is told the Will of who died, until the Will is written or let go of
 *     highest   the highest order                       incarnation  how many nodes have ever joined
 *     log       stream  what all nodes are told         in:<node>, sh:<node>  streams: inbox, shares
 *     nodes     hash    living node -> slot             n:<node>  hash  the node's own
 *     applied   hash    node that has begun -> place in the log    from  hash  node that has not -> place
 *     dead      hash    node -> who buries it, or ""    groups:<node>  set of keys of its group queues
 *     routes:<node>  hash  full filter -> interest
 */

export const LUA_SHARED = String.raw`
-- Bytes of one entry of an inbox, and of messages in one reply, above which the next one begins.
local ENTRY, REPLY = 262144, 1048576
local FORMAT = '\1'
local BODY, MAIL, FORWARD, WANTED, INSTRUCTION, SHARE, MARK = 0, 1, 2, 3, 4, 5, 6
local NODES = 26 + 128 -- in the log
local P

local function isAlive(node)
  return redis.call('HEXISTS', P .. 'nodes', node) == 1
end

-- What a node that is not alive any more is answered: with the node that lives by the same name, if there is one.
local function fenced(node)
  local name = string.match(node, '^(.*)%.')
  for _, other in ipairs(redis.call('HKEYS', P .. 'nodes')) do
    if string.match(other, '^(.*)%.') == name then return {'fenced', other} end
  end
  return {'fenced', ''}
end

local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function lastId(stream)
  local info = redis.pcall('XINFO', 'STREAM', P .. stream)
  if info.err then return '0-0' end
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then return info[i + 1] end
  end
  return '0-0'
end

-- Whether the id of an entry is less than another.
local function isBefore(a, b)
  local ams, an = string.match(a, '^(%d+)-(%d+)$')
  local bms, bn = string.match(b, '^(%d+)-(%d+)$')
  ams, bms = tonumber(ams), tonumber(bms)
  if ams ~= bms then return ams < bms end
  return tonumber(an) < tonumber(bn)
end

-- The node that a group's queue is of; nil where it is no such queue.
local function groupNode(clientId)
  if string.byte(clientId, 1) ~= 0 then return nil end
  local last = string.find(clientId, string.char(0), 2, true)
  return last and string.sub(clientId, 2, last - 1)
end

local function record(kind, payload)
  return struct.pack('<BI4', kind, #payload) .. payload
end

local function tell(node, kind, payload)
  redis.call('XADD', P .. 'in:' .. node, '*', 'b', FORMAT .. record(kind, payload))
end

-- Living nodes, the longest-lived first, each behind its length.
local function living()
  local numbers, all = {}, redis.call('HKEYS', P .. 'nodes')
  for _, node in ipairs(all) do
    numbers[node] = tonumber(redis.call('HGET', P .. 'n:' .. node, 'number'))
  end
  table.sort(all, function(a, b) return numbers[a] < numbers[b] end)
  for i, node in ipairs(all) do all[i] = struct.pack('<I4', #node) .. node end
  return table.concat(all)
end

-- Size of the message that a member of a queue names.
local function sizeIn(member)
  return tonumber(string.match(member, ':(%d+)$'))
end

-- Deliveries from an order on, at most so many and so many bytes; and whether the bytes ended it.
local function deliveries(clientId, from, most)
  local q, b = P .. 'q:' .. clientId, P .. 'b:' .. clientId
  local found, bytes = {}, 0
  while #found < most do
    local step = math.min(most - #found, 128)
    local members = redis.call('ZRANGEBYSCORE', q, from, '+inf', 'LIMIT', 0, step)
    if #members == 0 then return found, 0 end
    local orders = {}
    for i = 1, #members do
      if bytes > REPLY then break end
      orders[i] = string.match(members[i], '^%d+')
      bytes = bytes + sizeIn(members[i])
    end
    local values = redis.call('HMGET', b, unpack(orders))
    for i = 1, #orders do found[#found + 1] = values[i] end
    if bytes > REPLY then return found, 1 end
    if #members < step then return found, 0 end
    from = '(' .. orders[#orders]
  end
  return found, 0
end

-- Ids, orders and sizes of the queue, its first deliveries.
local function session(clientId, most)
  local first, more = deliveries(clientId, '-inf', most)
  local members = redis.call('ZRANGE', P .. 'q:' .. clientId, 0, -1)
  return {
    redis.call('HGETALL', P .. 'i:' .. clientId),
    table.concat(members, ','),
    first,
    more,
  }
end
`;
