"""The scripts in Lua behind `redis_places.py`. Times are Redis' own, in ms; each script's keys lie in one slot.

`sockets` is a sorted set of one entry a socket, `taken` one of places whose socket is not registered yet; the scores
are the times at which they expire. `left` is there while a user has no socket, for a minute: the node that told so.
"""

FIRST = b"first"
NONE_IS_LEFT, OTHERS_ARE_LEFT = 2, 1

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

_RETURN_IF_ANY_IS_LEFT = """
redis.call('ZREMRANGEBYSCORE', sockets, '-inf', now)
local last = redis.call('ZREVRANGE', sockets, 0, 0, 'WITHSCORES')
if last[1] then
  -- The key lasts as long as its last entry: that it exists says that he is online.
  redis.call('PEXPIREAT', sockets, last[2])
  return 1
end
"""

NOW = f"{_NOW} return now"

TAKE = f"""{_NOW}
local sockets, taken, full = KEYS[1], KEYS[2], KEYS[3]
local member, limit, taken_ms = ARGV[1], tonumber(ARGV[2]), ARGV[3]
redis.call('ZREMRANGEBYSCORE', sockets, '-inf', now)
redis.call('ZREMRANGEBYSCORE', taken, '-inf', now)
if redis.call('ZCARD', sockets) + redis.call('ZCARD', taken) >= limit then return 0 end
redis.call('ZADD', taken, now + taken_ms, member)
redis.call('PEXPIRE', taken, taken_ms)
redis.call('DEL', full)
return 1
"""

KEEP = f"""{_NOW}
local sockets, taken, left = KEYS[1], KEYS[2], KEYS[3]
local member, entry_ms = ARGV[1], ARGV[2]
redis.call('ZREM', taken, member)
redis.call('ZREMRANGEBYSCORE', sockets, '-inf', now)
-- A heartbeat may have come before.
redis.call('ZREM', sockets, member)
local others = redis.call('ZCARD', sockets)
redis.call('ZADD', sockets, now + entry_ms, member)
redis.call('PEXPIRE', sockets, entry_ms)
if others > 0 then return '' end
local teller = redis.call('GET', left)
if not teller then return 'first' end
redis.call('DEL', left)
return teller
"""

REFRESH = f"""{_NOW}
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

RELEASE = f"""{_NOW}
local sockets, left, full = KEYS[1], KEYS[2], KEYS[3]
local member, node, left_seconds = ARGV[1], ARGV[2], ARGV[3]
redis.call('DEL', full)
redis.call('ZREM', sockets, member)
{_RETURN_IF_ANY_IS_LEFT}
if redis.call('EXISTS', left) == 1 then return 0 end
redis.call('SET', left, node, 'EX', left_seconds)
return 2
"""

TAKE_OVER = f"""{_NOW}
local sockets, taken, left = KEYS[1], KEYS[2], KEYS[3]
local dead, node, left_seconds = ARGV[1], ARGV[2], ARGV[3]
for _, key in ipairs({{sockets, taken}}) do
  for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do
    if string.sub(member, 1, #dead + 1) == dead .. ':' then redis.call('ZREM', key, member) end
  end
end
{_RETURN_IF_ANY_IS_LEFT}
local teller = redis.call('GET', left)
if teller and teller ~= dead then return 0 end
redis.call('SET', left, node, 'EX', left_seconds)
return 2
"""

LOOK = f"""{_NOW}
local alive, young = KEYS[1], KEYS[2]
local node, node_ms, claim_ms, young_seconds = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('EXISTS', alive) == 0 then redis.call('SET', young, 1, 'EX', young_seconds) end
local added = redis.call('ZADD', alive, now + node_ms, node)
local dead = redis.call('ZRANGEBYSCORE', alive, '-inf', now)
for _, one in ipairs(dead) do redis.call('ZADD', alive, now + claim_ms, one) end
return {{added, dead}}
"""
