/**
 * The part of the Lua library that takes a batch: every write of it, or, where the node is no more, none.
 * What a record holds is said in note.ts; each function here takes one kind. One that returns `false` has
 * changed nothing that other nodes must hear of.
 *
 * A batch is known by its number: the one that was the last already is answered as it was then.
 */

export const LUA_COMMIT = String.raw`
-- Of the batch that is being taken.
local bodies, boxes, sessions, owners, alive, dead, dropped, committing, counted

local function hasSession(clientId)
  local known = sessions[clientId]
  if known == nil then
    known = redis.call('HEXISTS', P .. 'sessions', clientId) == 1
    sessions[clientId] = known
  end
  return known
end

local function ownerOf(clientId)
  local owner = owners[clientId]
  if owner == nil then
    owner = redis.call('HGET', P .. 'claims', clientId)
    owners[clientId] = owner
  end
  return owner
end

local function lives(node)
  local known = alive[node]
  if known == nil then
    known = isAlive(node)
    alive[node] = known
  end
  return known
end

local function flush(node, box)
  redis.call('XADD', P .. 'in:' .. node, '*', 'b', table.concat(box.parts))
end

-- Puts a record into what the node is told of this batch; its body, if any, stands before it once.
local function send(node, kind, body, payload)
  local box = boxes[node]
  if box and box.bytes > ENTRY then
    flush(node, box)
    box = nil
  end
  if not box then
    box = {parts = {FORMAT}, at = {}, count = 0, bytes = 0}
    boxes[node] = box
  end
  local parts = box.parts
  local at = box.at[body]
  if not at then
    at = box.count
    box.count = at + 1
    box.at[body] = at
    parts[#parts + 1] = struct.pack('<BI4', BODY, #bodies[body])
    parts[#parts + 1] = bodies[body]
    box.bytes = box.bytes + #bodies[body]
  end
  parts[#parts + 1] = struct.pack('<BI4I4', kind, 4 + #payload, at)
  parts[#parts + 1] = payload
  box.bytes = box.bytes + #payload + 9
end

local function put(clientId, order, size, delivery)
  redis.call('ZADD', P .. 'q:' .. clientId, order, order .. ':' .. size)
  redis.call('HSET', P .. 'b:' .. clientId, order, delivery)
end

-- What is known of the bytes of a queue that nobody has is so no more.
local function uncount(clientId)
  if counted[clientId] then return end
  counted[clientId] = true
  redis.call('HDEL', P .. 'qb', clientId)
end

local function bytesIn(clientId)
  local known = redis.call('HGET', P .. 'qb', clientId)
  if known then return tonumber(known) end
  local sum = 0
  for _, member in ipairs(redis.call('ZRANGE', P .. 'q:' .. clientId, 0, -1)) do
    sum = sum + sizeIn(member)
  end
  return sum
end

-- Makes room in a queue that nobody has; its bytes then, or nil where there is none for the new one.
local function makeRoom(clientId, size, most, mostBytes, dropOldest)
  local q, b = P .. 'q:' .. clientId, P .. 'b:' .. clientId
  local count, bytes = redis.call('ZCARD', q), bytesIn(clientId)
  if most < 1 or size > mostBytes then return nil end
  while count + 1 > most or bytes + size > mostBytes do
    if not dropOldest then return nil end
    local member = redis.call('ZPOPMIN', q)[1]
    if not member then return 0 end
    redis.call('HDEL', b, string.match(member, '^%d+'))
    count, bytes, dropped = count - 1, bytes - sizeIn(member), dropped + 1
  end
  return bytes
end

-- Dead nodes that are not buried.
local function graves()
  dead = dead or redis.call('HKEYS', P .. 'dead')
  return dead
end

local apply = {}

apply[1] = function(batch, at) -- putSession
  local clientId, value = struct.unpack('<I4c0I4c0', batch, at)
  redis.call('HSET', P .. 'sessions', clientId, value)
  sessions[clientId] = true
  local node = groupNode(clientId)
  if node then redis.call('SADD', P .. 'groups:' .. node, clientId) end
end

local function dropSession(clientId)
  sessions[clientId] = false
  redis.call('HDEL', P .. 'sessions', clientId)
  redis.call('UNLINK', P .. 'u:' .. clientId, P .. 'i:' .. clientId, P .. 'q:' .. clientId,
    P .. 'b:' .. clientId)
  uncount(clientId)
end

apply[2] = function(batch, at) -- deleteSession
  local clientId = struct.unpack('<I4c0', batch, at)
  dropSession(clientId)
  local node = groupNode(clientId)
  if node then redis.call('SREM', P .. 'groups:' .. node, clientId) end
end

apply[3] = function(batch, at) -- putSubscription
  local clientId, full, value = struct.unpack('<I4c0I4c0I4c0', batch, at)
  if not hasSession(clientId) then return false end
  redis.call('HSET', P .. 'u:' .. clientId, full, value)
end

apply[4] = function(batch, at) -- deleteSubscription
  local clientId, full = struct.unpack('<I4c0I4c0', batch, at)
  redis.call('HDEL', P .. 'u:' .. clientId, full)
end

apply[5] = function(batch, at) -- putReceived
  local clientId, id = struct.unpack('<I4c0I4c0', batch, at)
  if hasSession(clientId) then redis.call('HSET', P .. 'i:' .. clientId, 'r' .. id, '') end
end

apply[6] = function(batch, at) -- deleteReceived
  local clientId, id = struct.unpack('<I4c0I4c0', batch, at)
  redis.call('HDEL', P .. 'i:' .. clientId, 'r' .. id)
end

apply[7] = function(batch, at) -- putInflight
  local clientId, id, body, head = struct.unpack('<I4c0I4c0I4I4c0', batch, at)
  if not hasSession(clientId) then return end
  if body > 0 then head = head .. bodies[body] end
  redis.call('HSET', P .. 'i:' .. clientId, 'i' .. id, head)
end

apply[8] = function(batch, at) -- deleteInflight
  local clientId, id = struct.unpack('<I4c0I4c0', batch, at)
  redis.call('HDEL', P .. 'i:' .. clientId, 'i' .. id)
end

apply[9] = function(batch, at) -- putQueued
  local clientId, body, order, size, head = struct.unpack('<I4c0I4I4c0I4c0I4c0', batch, at)
  if not hasSession(clientId) then return end
  put(clientId, order, size, head .. bodies[body])
  uncount(clientId)
end

apply[10] = function(batch, at) -- deleteQueued
  local clientId, order = struct.unpack('<I4c0I4c0', batch, at)
  if redis.call('HDEL', P .. 'b:' .. clientId, order) == 0 then return end
  redis.call('ZREMRANGEBYSCORE', P .. 'q:' .. clientId, order, order)
  uncount(clientId)
end

local function putInto(hash)
  return function(batch, at)
    local field, value = struct.unpack('<I4c0I4c0', batch, at)
    redis.call('HSET', P .. hash, field, value)
    if hash == 'wills' then redis.call('HDEL', P .. 'heirs', field) end
  end
end

local function deleteFrom(hash)
  return function(batch, at)
    local field = struct.unpack('<I4c0', batch, at)
    redis.call('HDEL', P .. hash, field)
    if hash == 'wills' then redis.call('HDEL', P .. 'heirs', field) end
  end
end

apply[11] = putInto('retained')

-- Of a message as src/store/record.ts writes it: behind two bytes, seven bits in each byte, the lowest first.
local function orderOf(message)
  local order, scale, at = 0, 1, 3
  while true do
    local byte = string.byte(message, at)
    if not byte or byte < 128 then return order + (byte or 0) * scale end
    order = order + (byte - 128) * scale
    scale = scale * 128
    at = at + 1
  end
end

apply[12] = function(batch, at, stop) -- deleteRetained
  local topic, after = struct.unpack('<I4c0', batch, at)
  if after < stop then
    local kept = redis.call('HGET', P .. 'retained', topic)
    local order = struct.unpack('<I4c0', batch, after)
    if not kept or orderOf(kept) ~= tonumber(order) then return false end
  end
  redis.call('HDEL', P .. 'retained', topic)
end

apply[13] = putInto('wills')
apply[14] = deleteFrom('wills')

-- What a dead node had is this one's as far as it has been told of it: both may have the message.
local function deleteInherited(order)
  for _, node in ipairs(graves()) do redis.call('HDEL', P .. 'delayed:' .. node, order) end
end

apply[15] = function(batch, at) -- putDelayed
  local order, value = struct.unpack('<I4c0I4c0', batch, at)
  deleteInherited(order)
  redis.call('HSET', P .. 'delayed:' .. committing, order, value)
end

apply[16] = function(batch, at) -- deleteDelayed
  local order = struct.unpack('<I4c0', batch, at)
  if redis.call('HDEL', P .. 'delayed:' .. committing, order) == 0 then deleteInherited(order) end
end

apply[17] = putInto('settings')
apply[18] = deleteFrom('settings')

apply[19] = function(batch, at) -- post
  local clientId, body, order, size, most, mostBytes, dropOldest, head =
    struct.unpack('<I4c0I4I4c0I4c0ddBI4c0', batch, at)
  if not hasSession(clientId) then return end
  local owner = ownerOf(clientId)
  if owner and lives(owner) then
    put(clientId, order, size, head .. bodies[body])
    send(owner, MAIL, body, struct.pack('<I4', #clientId) .. clientId .. head)
    return
  end
  local bytes = makeRoom(clientId, tonumber(size), most, mostBytes, dropOldest == 1)
  if not bytes then
    dropped = dropped + 1
    return
  end
  put(clientId, order, size, head .. bodies[body])
  redis.call('HSET', P .. 'qb', clientId, bytes + tonumber(size))
  counted[clientId] = nil
end

apply[20] = function(batch, at) -- forward
  local node, body = struct.unpack('<I4c0I4', batch, at)
  if lives(node) then send(node, FORWARD, body, '') end
end

apply[21] = function(batch, at) -- share
  local node, group, body = struct.unpack('<I4c0I4c0I4', batch, at)
  if not lives(node) then node = committing end
  redis.call('XADD', P .. 'sh:' .. node, '*', 'b', FORMAT .. record(BODY, bodies[body]) ..
    record(SHARE, struct.pack('<I4', 0) .. group))
end

apply[22] = function(batch, at) -- taken
  local node, entry = struct.unpack('<I4c0I4c0', batch, at)
  redis.call('XDEL', P .. 'sh:' .. node, entry)
end

apply[23] = function(batch, at) -- announce
  local full, interest = struct.unpack('<I4c0I4c0', batch, at)
  local routes = P .. 'routes:' .. committing
  if interest == '0' then redis.call('HDEL', routes, full)
  else redis.call('HSET', routes, full, interest) end
end

apply[24] = function(batch, at) -- release
  local clientId = struct.unpack('<I4c0', batch, at)
  if ownerOf(clientId) ~= committing then return false end
  owners[clientId] = false
  redis.call('HDEL', P .. 'claims', clientId)
  redis.call('HDEL', P .. 'heirs', clientId)
  redis.call('SREM', P .. 'own:' .. committing, clientId)
  -- It may have been told as adopted, and Redis not yet that it was: nobody is to be told again.
  for _, node in ipairs(graves()) do redis.call('SREM', P .. 'own:' .. node, clientId) end
end

apply[25] = function(batch, at) -- buried
  local node = struct.unpack('<I4c0', batch, at)
  if redis.call('HGET', P .. 'dead', node) ~= committing then return false end
  for _, group in ipairs(redis.call('SMEMBERS', P .. 'groups:' .. node)) do dropSession(group) end
  redis.call('UNLINK', P .. 'groups:' .. node, P .. 'sh:' .. node, P .. 'in:' .. node,
    P .. 'own:' .. node, P .. 'delayed:' .. node)
  redis.call('HDEL', P .. 'dead', node)
  dead = nil
end

local function unpackBodies(lengths, all)
  bodies = {}
  local at = 1
  for i = 1, #lengths / 4 do
    local length = struct.unpack('<I4', lengths, i * 4 - 3)
    bodies[i] = string.sub(all, at, at + length - 1)
    at = at + length
  end
end

-- The answer: number of the entry in the log, messages that had no room, up to where the node's inbox has to be
-- told, or '', and nodes that must take it in.
local function done(node, entry, lost, waits, ends)
  local answer = {'done', entry, lost, ends == '1' and lastId('in:' .. node) or ''}
  if waits == '1' and entry ~= '' then
    for _, other in ipairs(redis.call('HKEYS', P .. 'applied')) do
      if other ~= node then answer[#answer + 1] = other end
    end
  end
  return answer
end

-- node, number of the batch, highest order or '', whether others must take it in, lengths, bodies, writes,
-- whether a session ends
local function commit(keys, args)
  P = keys[1]
  local node, number, highest, waits, batch = args[1], args[2], args[3], args[4], args[7]
  local me = P .. 'n:' .. node
  local known = redis.call('HMGET', me, 'batch', 'entry', 'dropped')
  if not known[1] then return fenced(node) end
  if known[1] == number then
    redis.call('HSET', me, 'batch', number) -- so that WAIT behind it waits for all before
    return done(node, known[2], known[3], waits, args[8])
  end
  if tonumber(known[1]) + 1 ~= tonumber(number) then return {'lost', known[1]} end
  unpackBodies(args[5], args[6])
  dead = nil
  boxes, sessions, owners, alive, counted, dropped, committing = {}, {}, {}, {}, {}, 0, node
  local log = {FORMAT}
  local at, size = 1, #batch
  while at <= size do
    local kind, length = struct.unpack('<BI4', batch, at)
    local from = at + 5
    at = from + length
    if kind < 128 then
      apply[kind](batch, from, at)
    elseif apply[kind - 128](batch, from, at) ~= false then
      log[#log + 1] = string.sub(batch, from - 5, at - 1)
    end
  end
  for to, box in pairs(boxes) do flush(to, box) end
  local entry = ''
  if #log > 1 then
    entry = redis.call('XADD', P .. 'log', '*', 'n', node, 'b', table.concat(log))
  end
  if highest ~= '' then
    local before = redis.call('GET', P .. 'highest')
    if not before or tonumber(before) < tonumber(highest) then
      redis.call('SET', P .. 'highest', highest)
    end
  end
  redis.call('HSET', me, 'batch', number, 'entry', entry, 'dropped', dropped)
  if dropped > 0 then redis.call('HINCRBY', P .. 'counts', 'dropped', dropped) end
  bodies, boxes = nil, nil
  return done(node, entry, dropped, waits, args[8])
end
`;
