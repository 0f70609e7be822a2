/**
 * Functions of both scripts. `entry` returns a circuit's entry as a list: the server's time, the revision, the state,
 * and then the node, the time and the value of each contribution. `extend` lengthens the time to live of a key and
 * never shortens it.
 *
 * Each script uses one key, because a cluster runs a script on the server of its keys.
 */
const functions = `
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function extend(key, millis)
  if redis.call('PTTL', key) < tonumber(millis) then redis.call('PEXPIRE', key, millis) end
end
local function entry(key, time)
  local answer = {string.format('%.0f', time), '', ''}
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    local field, value = fields[i], fields[i + 1]
    if field == 'revision' then answer[2] = value
    elseif field == 'state' then answer[3] = value
    elseif string.sub(field, 1, 5) == 'node:' then
      local at, contribution = string.match(value, '^(%d+) (.*)$')
      if at then
        answer[#answer + 1] = string.sub(field, 6)
        answer[#answer + 1] = at
        answer[#answer + 1] = contribution
      end
    end
  end
  return answer
end
`

/**
 * Stores a node's contribution, deletes contributions that are older than the circuit's time to live, and announces
 * failures to the subscribers if it is asked to. Without a contribution it is a read, which writes nothing: it neither
 * extends the time to live nor deletes what other nodes have contributed.
 *
 * @internal
 */
export const exchange = `${functions}
local key, node, contribution, keep, channel, circuit = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local time = now()
if contribution ~= '' then
  redis.call('HSET', key, 'node:' .. node, string.format('%.0f', time) .. ' ' .. contribution)
  extend(key, keep)
end
local answer = entry(key, time)
if contribution ~= '' then
  for i = 4, #answer, 3 do
    if time - tonumber(answer[i + 1]) > tonumber(keep) then redis.call('HDEL', key, 'node:' .. answer[i]) end
  end
end
if channel ~= '' then
  local listeners = redis.call('PUBSUB', 'NUMSUB', channel)[2]
  redis.call('PUBLISH', channel, cjson.encode({_tag = 'Failing', key = circuit, listeners = listeners}))
end
return answer
`

/**
 * Replaces the state if its revision is the expected one, and notifies the subscribers.
 *
 * @internal
 */
export const compareAndSet = `${functions}
local key, expected, revision, state, keep, channel, circuit =
  KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local time = now()
if (redis.call('HGET', key, 'revision') or '') == expected then
  redis.call('HSET', key, 'revision', revision, 'state', state)
  extend(key, keep)
  redis.call('PUBLISH', channel, cjson.encode(
    {_tag = 'Changed', key = circuit, now = time, revision = revision, state = state}))
end
return entry(key, time)
`
