/**
 * A circuit is one hash, because a cluster runs a script on the server of its keys. Its fields are
 *
 * - `revision` and `state`,
 * - `leases`: a node and a time for each lease,
 * - `w:` and the name of a window: its epoch, the microsecond in which it was made, when it expires, how many reports
 *   it has had, the number of failing nodes with a node and a time for each, and for each section its floor, the number
 *   of its rows, and the rows, the index of each as the distance to the one before,
 * - `n:`, the name of a window and a node: the epoch and the making of the window, the number of the node's latest
 *   report, and when it is forgotten, as four doubles,
 * - `sweep`: where the search for old fields goes on.
 *
 * Lists are packed as MessagePack, and are written and answered as they are, so that an exchange handles each of them
 * once. A field that holds something else counts as missing.
 */

/**
 * Functions of the scripts that write. `now` returns the time in milliseconds, and in microseconds as well. `extend`
 * lengthens the time to live of a key, and never shortens it.
 */
const functions = `
local call, floor, max, min = redis.call, math.floor, math.max, math.min
local pack, unpacked = cmsgpack.pack, cmsgpack.unpack
local function now()
  local time = call('TIME')
  return time[1] * 1000 + floor(time[2] / 1000), time[1] * 1000000 + time[2]
end
-- An eighth more than is asked for, so that most exchanges find the key living long enough.
local function extend(key, millis)
  if call('PTTL', key) < millis then call('PEXPIRE', key, math.ceil(millis * 1.125)) end
end
`

/** Ends the old leases of a circuit, and renews that of the node if it asks for it. Most circuits have none. */
const renewal = `
local function withLease(leases)
  local kept = {}
  for i = 1, #leases, 2 do
    if (renews ~= 1 or leases[i] ~= node) and time - leases[i + 1] <= keep then
      kept[#kept + 1] = leases[i]
      kept[#kept + 1] = leases[i + 1]
    end
  end
  if renews == 1 then
    kept[#kept + 1] = node
    kept[#kept + 1] = time
  end
  return pack(kept)
end
local ok, kept = pcall(function() return withLease(unpacked(leases)) end)
if not ok then kept = withLease({}) end
if kept ~= leases then
  leases = kept
  call('HSET', key, 'leases', leases)
end
`

/**
 * Adds the section of a report at `r` to that of a window at `w`, and appends the result to `out`, as `add` of a
 * section does in the library. It returns where the next sections begin.
 */
const addition = `
local function add(window, w, report, r, time, out)
  local low, unit, span, enough, fresh, parts, reported =
    report[r], report[r + 1], report[r + 2], report[r + 3], report[r + 4], report[r + 5], report[r + 6]
  local latest = floor(time / unit)
  local rows, n, index = {}, 0, 0
  low = max(min(low, latest), window[w] or 0)
  if window[w] then
    if window[w] >= 2 ^ 53 then error('it is no floor') end
    for i = w + 2, w + 1 + 4 * window[w + 1], 4 do
      local calls, failures, slow = window[i + 1], window[i + 2], window[i + 3]
      index = index + window[i]
      local sum = index + calls + failures + slow
      if sum % 1 ~= 0 or sum >= 2 ^ 53 then error('it is no row') end
      rows[n + 1], rows[n + 2], rows[n + 3], rows[n + 4] = index, calls, failures, slow
      n = n + 4
    end
    w = w + 2 + n
  end
  r = r + 7
  for i = r, r + 4 * reported - 1, 4 do
    index = min(floor(report[i]), latest)
    local at = n
    while at > 0 and rows[at - 3] > index do at = at - 4 end
    if at == 0 or rows[at - 3] < index then
      for j = n, at + 1, -1 do rows[j + 4] = rows[j] end
      rows[at + 1], rows[at + 2], rows[at + 3], rows[at + 4] = index, 0, 0, 0
      n, at = n + 4, at + 4
    end
    for j = 1, 3 do rows[at - 3 + j] = max(0, rows[at - 3 + j] + report[i + j]) end
  end
  -- Finds the oldest row that is needed, from the newest one back.
  local first, kept, calls, count = max(low, latest - span + 1), n + 1, 0, 0
  for at = n - 3, 1, -4 do
    if rows[at + 1] > 0 then
      if rows[at] < first or (calls >= enough and (rows[at] + 1) * unit <= time - fresh) then break end
      calls, count = calls + rows[at + 1], count + 1
    end
    kept = at
  end
  -- The most calls that joined rows may have together.
  local most, o = count > parts and calls / parts or 0, #out + 1
  out[o] = low
  out[o + 1] = count
  local last, before = o - 2, 0
  for at = kept, n, 4 do
    if rows[at + 1] > 0 then
      if last > o and out[last + 1] + rows[at + 1] <= most then
        out[o + 1] = out[o + 1] - 1
        out[last + 1], out[last + 2], out[last + 3] =
          out[last + 1] + rows[at + 1], out[last + 2] + rows[at + 2], out[last + 3] + rows[at + 3]
        out[last] = out[last] + rows[at] - before
      else
        last = last + 4
        out[last], out[last + 1], out[last + 2], out[last + 3] =
          rows[at] - before, rows[at + 1], rows[at + 2], rows[at + 3]
      end
      before = rows[at]
    end
  end
  return w, r + 4 * reported
end
`

/**
 * Adds a report of one row to the latest row of a window of one section, in place, if no other row changes. Most
 * reports are of this kind, and it takes half the time. Otherwise it changes nothing and returns false.
 */
const additionInPlace = `
local function addsToLatestRow(window)
  local low, unit, span, enough, parts, reported, at =
    numbers[8], numbers[9], numbers[10], numbers[11], numbers[13], numbers[14], numbers[15]
  local lowest, rows = window[6], window[7]
  if reported ~= 1 or numbers[19] or listed > 0 or window[5] > 0 or enough < math.huge then return false end
  if not rows or rows < 1 or rows > parts or low > lowest then return false end
  local latest, last, index = floor(time / unit), 4 + 4 * rows, 0
  if window[8] < max(lowest, latest - span + 1) or window[last + 4] then return false end
  for i = 8, last, 4 do
    index = index + window[i]
    local sum = index + window[i + 1] + window[i + 2] + window[i + 3]
    if sum % 1 ~= 0 or sum >= 2 ^ 53 then return false end
  end
  local calls = window[last + 1] + numbers[16]
  if index ~= min(floor(at), latest) or calls <= 0 then return false end
  window[last + 1], window[last + 2], window[last + 3] =
    calls, max(0, window[last + 2] + numbers[17]), max(0, window[last + 3] + numbers[18])
  return true
end
`

/**
 * Applies a report to a window: returns the window and the node's report number, as they are stored, and whether they
 * have to be written.
 */
const reporting = `
-- The fields of a report. Its first section follows them.
local keep, renews, epoch, number, base, failing, listed, sections =
  numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6], numbers[7], 8
local function isOld(at) return time - at > keep end
local function numberOf(text, window)
  if not text or #text ~= 32 then return 0 end
  local its, madeAt, latest, expiresAt = struct.unpack('>dddd', text)
  return its == window[1] and madeAt == window[2] and expiresAt > time and latest or 0
end
local function withFailing(window, out)
  local list = {}
  for i = 6, 5 + 2 * window[5], 2 do
    if window[i] ~= node and not isOld(window[i + 1]) then
      list[#list + 1] = window[i]
      list[#list + 1] = window[i + 1]
    end
  end
  if failing == 1 then
    list[#list + 1] = node
    list[#list + 1] = time
  end
  local first = max(1, #list + 1 - 2 * listed)
  out[5] = (#list + 1 - first) / 2
  for i = first, #list do out[#out + 1] = list[i] end
end
local function withSections(window, isNext, out)
  local w, r = 6 + 2 * window[5], sections
  while isNext and numbers[r] do w, r = add(window, w, numbers, r, time, out) end
  while window[w] do
    local next = w + 2 + 4 * max(0, window[w + 1])
    for i = w, next - 1 do out[#out + 1] = window[i] + 0 end
    w = next
  end
end
${additionInPlace}
local function isWindow(it)
  return it[1] and it[1] <= time + 2 ^ 48 and it[2] == it[2] and it[3] > time
    and it[4] % 1 == 0 and it[4] >= 0 and it[4] < 2 ^ 53 and it[5] >= 0
end
local function reported(windowText, numberText, window)
  if not isWindow(window) or epoch > window[1] then window = {epoch, micros, 0, 0, 0} end
  if epoch < window[1] then return windowText, numberText, false end
  local latest = numberOf(numberText, window)
  local isNext = latest == base and latest ~= number
  local out = window
  if isNext and addsToLatestRow(window) then
    window[3], window[4] = max(window[3], time + keep), window[4] + 1
  else
    out = {epoch, window[2] + 0, max(window[3], time + keep), window[4] + 1, 0}
    if listed > 0 then withFailing(window, out) end
    withSections(window, isNext, out)
  end
  if isNext or (latest == number and latest > 0) then
    numberText = struct.pack('>dddd', epoch, out[2], number, time + keep)
  elseif latest == 0 then
    numberText = false
  end
  return pack(out), numberText, true, out[4]
end
`

/** Deletes what is old of some fields, a few at a time, and two for each that may have been added meanwhile. */
const sweeping = `
local found = redis.pcall('HSCAN', key, call('HGET', key, 'sweep') or '0', 'COUNT', 64)
local fields, next = found[2] or {}, found[1] or '0'
local function isCurrent(kind, value)
  if kind == 'n:' then return select(4, struct.unpack('>dddd', value)) > time end
  return kind ~= 'w:' or unpacked(value)[3] > time
end
for i = 1, #fields, 2 do
  local ok, current = pcall(isCurrent, string.sub(fields[i], 1, 2), fields[i + 1])
  if not (ok and current) then call('HDEL', key, fields[i]) end
end
if next == '0' then call('HDEL', key, 'sweep') else call('HSET', key, 'sweep', next) end
`

/**
 * Reads circuits, for a node that knows the states of some. A circuit of which nothing is stored is answered by
 * nothing.
 *
 * The answer is the time and, for each circuit, the revision, the state unless the node knows it, the leases, the
 * window, and the node's number in it.
 *
 * @internal
 */
export const read = `
local windowField, numberField, time = ARGV[1], ARGV[2], redis.call('TIME')
local answer = {time[1] * 1000 + math.floor(time[2] / 1000)}
for i, key in ipairs(KEYS) do
  local found = redis.pcall('HMGET', key, 'revision', 'state', 'leases', windowField, numberField)
  if found.err or found[1] or found[3] or found[4] then
    if found[1] == ARGV[i + 2] then found[2] = false end
    answer[i + 1] = found
  else
    answer[i + 1] = false
  end
end
return answer
`

/**
 * Adds a report to a window, renews the lease of a node, and announces failures to the subscribers, each if it is asked
 * to.
 *
 * The answer is the time, the revision, the state unless the node knows it, the leases, the window, and the node's
 * number in it.
 *
 * @internal
 */
export const exchange = `${functions}${addition}
local key, node, known, windowField, numberField, channel, circuit =
  KEYS[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local numbers, time, micros = unpacked(ARGV[1]), now()
${reporting}
local found = call('HMGET', key, 'revision', 'leases', windowField, numberField)
local revision, leases, window, latest = found[1] or '', found[2], found[3], found[4]
if renews == 1 or number then
  if leases or renews == 1 then ${renewal} end
  if number then
    local function addReport() return reported(window, latest, unpacked(window)) end
    local ok, newWindow, newLatest, isNew, exchanges = pcall(addReport)
    if not ok then newWindow, newLatest, isNew, exchanges = reported(false, false, {}) end
    window, latest = newWindow, newLatest
    if isNew and latest then call('HSET', key, windowField, window, numberField, latest)
    elseif isNew then call('HSET', key, windowField, window) end
    if isNew and exchanges % 32 == 0 then ${sweeping} end
  end
  extend(key, keep)
end
if channel ~= '' then
  local listeners = call('PUBSUB', 'NUMSUB', channel)[2]
  call('PUBLISH', channel, cjson.encode({_tag = 'Failing', key = circuit, listeners = listeners}))
end
return {time, revision, revision ~= known and call('HGET', key, 'state'), leases, window, latest}
`

/**
 * Replaces the state if its revision is the expected one, notifies the subscribers, and renews the lease of a node if
 * it is asked to. The answer is that of an exchange, without a window.
 *
 * @internal
 */
export const compareAndSet = `${functions}
local key, node, expected, revision, state, channel, circuit =
  KEYS[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local numbers, time = unpacked(ARGV[1]), now()
local keep, renews = numbers[1], numbers[2]
local found = call('HMGET', key, 'revision', 'leases')
local current, leases = found[1] or '', found[2]
if renews == 1 then ${renewal} end
if current == expected then
  current = revision
  call('HSET', key, 'revision', revision, 'state', state)
  call('PUBLISH', channel, cjson.encode(
    {_tag = 'Changed', key = circuit, now = time, revision = revision, state = state}))
end
if current == revision or renews == 1 then extend(key, keep) end
return {time, current, current ~= revision and call('HGET', key, 'state'), leases}
`
