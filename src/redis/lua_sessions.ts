/**
 * The part of the Lua library that gives sessions to nodes and reads what is stored.
 */

export const LUA_SESSIONS = String.raw`
-- A node that is no more, and that this client's session was of, as far as it has not been adopted yet.
local function takeFromDead(clientId)
  local found = false
  for _, dead in ipairs(redis.call('HKEYS', P .. 'dead')) do
    if redis.call('SREM', P .. 'own:' .. dead, clientId) == 1 then found = true end
  end
  return found
end

-- node, client id, most deliveries, 'free': only if nobody has it, or 'own': only if the node has it already, whom
-- it has asked for it already, mark: a name for the place in the node's inbox at which the answer is to be told;
-- it begins with the number of the claim.
-- The claim that finds the Will of a dead node's session is told of it, and when its answer was lost told again.
local function claim(keys, args)
  P = keys[1]
  local node, clientId, whose, asked = args[1], args[2], args[4], args[5]
  if not isAlive(node) then return fenced(node) end
  local owner = redis.call('HGET', P .. 'claims', clientId)
  if whose == 'own' and owner ~= node then return {'taken', owner or ''} end
  if owner and owner ~= node and isAlive(owner) then
    if whose == 'free' then return {'taken', owner} end
    if owner ~= asked then tell(owner, WANTED, clientId) end
    return {'wait', owner}
  end
  local heir = node .. ' ' .. string.match(args[6], '^%d+')
  local will, inherited = '', 0
  if takeFromDead(clientId) or redis.call('HGET', P .. 'heirs', clientId) == heir then
    will, inherited = redis.call('HGET', P .. 'wills', clientId) or '', 1
    if will ~= '' then redis.call('HSET', P .. 'heirs', clientId, heir) end
  end
  redis.call('HSET', P .. 'claims', clientId, node)
  redis.call('SADD', P .. 'own:' .. node, clientId)
  redis.call('HDEL', P .. 'qb', clientId)
  tell(node, MARK, args[6])
  return {
    'claimed', inherited, will, lastId('log'), redis.call('GET', P .. 'highest') or '0',
    session(clientId, tonumber(args[3])),
  }
end

-- Where the session is to be adopted still it is this node's then: who died with it unadopted passes it on. Its
-- Will was told with it, so no claim of this node is told of it any more.
local function settleAdopted(node, dead, clientId)
  redis.call('SREM', P .. 'own:' .. dead, clientId)
  if redis.call('HGET', P .. 'claims', clientId) == node then
    redis.call('HDEL', P .. 'heirs', clientId)
    redis.call('SADD', P .. 'own:' .. node, clientId)
  end
end

-- node, dead node, most sessions, most deliveries, mark, client ids that were told of since the call before
local function adopt(keys, args)
  P = keys[1]
  local node, dead, most = args[1], args[2], tonumber(args[4])
  if not isAlive(node) then return fenced(node) end
  if redis.call('HGET', P .. 'dead', dead) ~= node then return {'other'} end
  for i = 6, #args do settleAdopted(node, dead, args[i]) end
  local own, adopted, bytes = P .. 'own:' .. dead, {}, 0
  for _, clientId in ipairs(redis.call('SRANDMEMBER', own, tonumber(args[3]))) do
    local owner = redis.call('HGET', P .. 'claims', clientId)
    if not owner or (owner ~= node and isAlive(owner)) then
      redis.call('SREM', own, clientId) -- let go of, or its client has come to another node
    else
      redis.call('HSET', P .. 'claims', clientId, node)
      redis.call('HDEL', P .. 'qb', clientId)
      local stored = session(clientId, most)
      adopted[#adopted + 1] = {clientId, redis.call('HGET', P .. 'wills', clientId) or '', stored}
      for _, delivery in ipairs(stored[3]) do bytes = bytes + #delivery end
      if bytes > REPLY then break end
    end
  end
  tell(node, MARK, args[5])
  return {'adopted', lastId('log'), redis.call('SCARD', own), adopted}
end

-- node, dead node, orders of delayed messages that were told of since the call before: the next
local function inherit(keys, args)
  P = keys[1]
  local node, dead = args[1], args[2]
  if not isAlive(node) then return fenced(node) end
  if redis.call('HGET', P .. 'dead', dead) ~= node then return {'other'} end
  local own, theirs = P .. 'delayed:' .. node, P .. 'delayed:' .. dead
  for i = 3, #args do
    local value = redis.call('HGET', theirs, args[i])
    if value then
      redis.call('HSET', own, args[i], value)
      redis.call('HDEL', theirs, args[i])
    end
  end
  local cursor, found, bytes = '0', {}, 0
  repeat
    local part = redis.call('HSCAN', theirs, cursor, 'COUNT', 16)
    cursor = part[1]
    for i = 1, #part[2], 2 do
      found[#found + 1] = part[2][i + 1]
      bytes = bytes + #part[2][i + 1]
    end
  until cursor == '0' or bytes > REPLY or #found >= 256
  return {'inherited', found}
end

-- dead node, above which entry, most: messages for shared subscriptions that it had
local function shares(keys, args)
  P = keys[1]
  return redis.call('XRANGE', P .. 'sh:' .. args[1], '(' .. args[2], '+', 'COUNT', args[3])
end

-- dead node: keys of its group queues
local function groups(keys, args)
  P = keys[1]
  return redis.call('SMEMBERS', P .. 'groups:' .. args[1])
end

-- client id, most deliveries
local function load(keys, args)
  P = keys[1]
  return session(args[1], tonumber(args[2]))
end

-- client id, order, most deliveries
local function read(keys, args)
  P = keys[1]
  local found, more = deliveries(args[1], args[2], tonumber(args[3]))
  return {more, found}
end

-- hash, cursor, how many at least: fields and values, in steps that are bounded in bytes
local function scan(keys, args)
  P = keys[1]
  local cursor, wanted = args[2], tonumber(args[3])
  local found, bytes = {}, 0
  repeat
    local part = redis.call('HSCAN', P .. args[1], cursor, 'COUNT', args[4])
    cursor = part[1]
    for _, text in ipairs(part[2]) do
      found[#found + 1] = text
      bytes = bytes + #text
    end
  until cursor == '0' or bytes > REPLY or #found >= wanted * 2
  return {cursor, found}
end

-- client ids: of each, who has it
local function holders(keys, args)
  P = keys[1]
  local found = redis.call('HMGET', P .. 'claims', unpack(args))
  for i = 1, #args do found[i] = found[i] or '' end
  return found
end

-- client ids: of each how many subscriptions it has, and each behind its length, all in one: an answer of its own
-- for each subscription costs a node that joins more than all else
local function subscriptions(keys, args)
  P = keys[1]
  local all = {}
  for _, clientId in ipairs(args) do
    local found = redis.call('HVALS', P .. 'u:' .. clientId)
    all[#all + 1] = struct.pack('<I4', #found)
    for _, value in ipairs(found) do
      all[#all + 1] = struct.pack('<I4', #value)
      all[#all + 1] = value
    end
  end
  return table.concat(all)
end

local function highest(keys)
  P = keys[1]
  return redis.call('GET', P .. 'highest') or '0'
end
`;
