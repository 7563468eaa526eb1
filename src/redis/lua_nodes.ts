/**
 * The part of the Lua library about the nodes: who is there, whose lease has ended, who buries whom, and how
 * far each has read. All times are of Redis's own clock, in milliseconds.
 */

export const LUA_NODES = String.raw`
-- Who is there changes at this place in the log: nothing of whoever is not named comes behind it.
local function news()
  redis.call('XADD', P .. 'log', '*', 'n', '', 'b', FORMAT .. record(NODES, living()))
  redis.call('SPUBLISH', P .. 'news', '')
end

-- From now on nothing that the node writes is taken. What it had waits for who buries it.
local function declareDead(node)
  redis.call('HDEL', P .. 'nodes', node)
  redis.call('HDEL', P .. 'applied', node)
  redis.call('HDEL', P .. 'from', node)
  redis.call('UNLINK', P .. 'n:' .. node, P .. 'routes:' .. node)
  redis.call('HSET', P .. 'dead', node, '')
  news()
end

-- name, version, milliseconds of the lease, letters that make the node's name differ from all others, whether
-- it is to be the only one: then whoever has a lease keeps it out
local function join(keys, args)
  P = keys[1]
  local name, version, lease, mark, alone = args[1], args[2], tonumber(args[3]), args[4], args[5] == '1'
  local taken = {}
  if alone then
    local others = redis.call('HKEYS', P .. 'nodes')
    for _, other in ipairs(others) do
      local left = tonumber(redis.call('HGET', P .. 'n:' .. other, 'until')) - now()
      if left >= 0 then return {'occupied', other, left} end
    end
    for _, other in ipairs(others) do declareDead(other) end
  end
  for _, other in ipairs(redis.call('HKEYS', P .. 'nodes')) do
    local known = redis.call('HMGET', P .. 'n:' .. other, 'name', 'slot')
    if known[1] == name then declareDead(other) else taken[tonumber(known[2])] = true end
  end
  local slot = 0
  while taken[slot] do slot = slot + 1 end
  if slot >= 1024 then return {'full'} end
  local number = redis.call('INCR', P .. 'incarnation')
  local node = name .. '.' .. number .. '-' .. mark
  local at = now()
  redis.call('HSET', P .. 'nodes', node, slot)
  redis.call('HSET', P .. 'n:' .. node, 'name', name, 'version', version, 'slot', slot, 'number', number,
    'until', at + lease, 'steady', at, 'checksum', '', 'batch', 0, 'entry', '', 'dropped', 0)
  news()
  redis.call('HSET', P .. 'from', node, lastId('log'))
  return {'joined', node, slot}
end

-- Which entries of the log nobody needs any more: all below this.
local function leastNeeded()
  local least
  for _, hash in ipairs({'applied', 'from'}) do
    for _, id in ipairs(redis.call('HVALS', P .. hash)) do
      if not least or isBefore(id, least) then least = id end
    end
  end
  return least
end

-- Who is so far behind that the log becomes too long is no more.
local function boundLog(most)
  while redis.call('XLEN', P .. 'log') > most do
    local last, behind
    for _, hash in ipairs({'applied', 'from'}) do
      local all = redis.call('HGETALL', P .. hash)
      for i = 1, #all, 2 do
        if not last or isBefore(all[i + 1], last) then behind, last = all[i], all[i + 1] end
      end
    end
    if not behind or last == lastId('log') then return end
    declareDead(behind)
    local least = leastNeeded()
    if not least then return end
    redis.call('XTRIM', P .. 'log', 'MINID', '=', least)
  end
end

-- The nodes: id, name, version, slot, milliseconds until its lease ends, place in the log, checksum, whether
-- it has begun.
local function nodes(at)
  local all = {}
  for _, node in ipairs(redis.call('HKEYS', P .. 'nodes')) do
    local n = redis.call('HMGET', P .. 'n:' .. node, 'name', 'version', 'slot', 'until', 'checksum', 'number')
    local applied = redis.call('HGET', P .. 'applied', node)
    all[#all + 1] = {
      node, n[1], n[2], n[3], tostring(tonumber(n[4]) - at), applied or '', n[5], n[6],
    }
  end
  table.sort(all, function(a, b) return tonumber(a[8]) < tonumber(b[8]) end)
  return all
end

-- node, milliseconds of the lease, places up to which it has read log and inbox, checksum, most entries of the log
local function beat(keys, args)
  P = keys[1]
  local node, lease = args[1], tonumber(args[2])
  local me = P .. 'n:' .. node
  if not isAlive(node) then return fenced(node) end
  if isBefore(lastId('log'), args[3]) or isBefore(lastId('in:' .. node), args[4]) then
    return {'lost', lastId('log')}
  end
  local at = now()
  local before = tonumber(redis.call('HGET', me, 'until'))
  if before < at then redis.call('HSET', me, 'steady', at) end
  redis.call('HSET', me, 'until', at + lease, 'checksum', args[5])
  local steady = at - tonumber(redis.call('HGET', me, 'steady')) >= lease
  for _, other in ipairs(redis.call('HKEYS', P .. 'nodes')) do
    if other ~= node then
      local ends = tonumber(redis.call('HGET', P .. 'n:' .. other, 'until'))
      if ends < at then
        if steady then declareDead(other) end
      elseif ends > at + 10 * lease then -- of a clock that ran ahead
        redis.call('HSET', P .. 'n:' .. other, 'until', at + lease)
      end
    end
  end
  local bury = {}
  if redis.call('HEXISTS', P .. 'applied', node) == 1 then
    local dead = redis.call('HGETALL', P .. 'dead')
    for i = 1, #dead, 2 do
      local by = dead[i + 1]
      if by == '' or (by ~= node and not isAlive(by)) then
        redis.call('HSET', P .. 'dead', dead[i], node)
        by = node
      end
      if by == node then bury[#bury + 1] = dead[i] end
    end
  end
  local least = leastNeeded()
  if least then redis.call('XTRIM', P .. 'log', 'MINID', '~', least) end
  boundLog(tonumber(args[6]))
  return {'alive', bury}
end

-- node, most routes: where in the log it is from now on; it has not begun yet. With the nodes that are there
-- at this place, and their routes, unless those are too many.
local function position(keys, args)
  P = keys[1]
  if not isAlive(args[1]) then return fenced(args[1]) end
  local id = lastId('log')
  if redis.call('HEXISTS', P .. 'applied', args[1]) == 0 then
    redis.call('HSET', P .. 'from', args[1], id)
  end
  local count, routes = 0, {}
  for _, node in ipairs(redis.call('HKEYS', P .. 'nodes')) do
    count = count + redis.call('HLEN', P .. 'routes:' .. node)
    if count > tonumber(args[2]) then break end
    routes[#routes + 1] = {node, redis.call('HGETALL', P .. 'routes:' .. node)}
  end
  if count > tonumber(args[2]) then return {'at', id, living(), 0, {}} end
  return {'at', id, living(), 1, routes}
end

-- node: the others wait for it from now on; where log and inbox are, and where its reading begins
local function begin(keys, args)
  P = keys[1]
  local node = args[1]
  if not isAlive(node) then return fenced(node) end
  local from = redis.call('HGET', P .. 'from', node)
  if from then
    redis.call('HDEL', P .. 'from', node)
    redis.call('HSET', P .. 'applied', node, from)
  end
  redis.call('SPUBLISH', P .. 'news', '') -- whoever is dead may be buried now
  return {'begun', lastId('log')}
end

-- node, place in the log, what is above its place in the inbox: up to there all has been taken in
local function applied(keys, args)
  P = keys[1]
  local node = args[1]
  if not isAlive(node) then return fenced(node) end
  redis.call('HSET', P .. 'applied', node, args[2])
  if args[3] ~= '' then redis.call('XTRIM', P .. 'in:' .. node, 'MINID', '=', args[3]) end
  redis.call('SPUBLISH', P .. 'applied', node .. ' ' .. args[2])
  return {'applied'}
end

-- Nodes that have begun, each with its place in the log.
local function places(keys)
  P = keys[1]
  return redis.call('HGETALL', P .. 'applied')
end

local function status(keys)
  P = keys[1]
  return nodes(now())
end

-- node, to whom or '*', text
local function instruct(keys, args)
  P = keys[1]
  if not isAlive(args[1]) then return fenced(args[1]) end
  local told = 0
  for _, other in ipairs(redis.call('HKEYS', P .. 'nodes')) do
    if (args[2] == '*' and other ~= args[1]) or args[2] == other then
      tell(other, INSTRUCTION, args[3])
      told = told + 1
    end
  end
  return {'told', told}
end

-- node: it goes; what it still has is buried by another
local function leave(keys, args)
  P = keys[1]
  local node = args[1]
  if not isAlive(node) then return {'left'} end
  declareDead(node)
  local burden = redis.call('EXISTS', P .. 'own:' .. node, P .. 'groups:' .. node,
    P .. 'delayed:' .. node) > 0 or
    redis.pcall('XLEN', P .. 'sh:' .. node) ~= 0
  if not burden then
    redis.call('HDEL', P .. 'dead', node)
    redis.call('UNLINK', P .. 'in:' .. node, P .. 'sh:' .. node)
  end
  return {'left'}
end
`;
