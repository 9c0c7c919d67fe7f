package claim

import "github.com/redis/go-redis/v9"

// A record has these fields. Short names: there may be millions of records. One that goes well is a string that holds them
// all, see packed.go; any other is a hash.
//
//	s  state: claimed, recorded, published
//	e  the event that the record belongs to; empty: free for any event
//	m  where that event's message lies: stream.sequence
//	o  owner; empty: nobody is at work
//	u  until when the lease holds, Unix milliseconds of Redis's clock
//	t  terms, fixed when the claim was made
//	a  attempts: calls to the vendor that failed
//	f  first attempt, Unix milliseconds
//	l  last attempt, Unix milliseconds
//	d  what the last attempt met
//	n  not before: when the next attempt is due, Unix milliseconds
//	w  waited: milliseconds that a session has waited for its link
//	c  1 while the owner is in a call to the vendor
//	k  calls to the vendor that were cut off because their owner vanished
//	v  owners that vanished in a row, in a call or with the answer recorded
//	y  since when other events have found nobody at work, Unix milliseconds; gone when its own event comes
//	r  the recorded answer
//	x  when it was recorded, Unix milliseconds
//	p  when what was recorded perishes, Unix milliseconds; 0: not known
//	g  generation: how many perished answers came before this one; it outlives a claim that ended, so that the number of
//	   an answer that was told of is never given again. A record that holds nothing else is none.
//	q  sequence of its link.created in its stream, once published
//
// A trail is a sorted set of what a token has left beside the record of its link, by when it was first seen. Each entry
// is one of
//
//	event           an event that has no record, or has none any more, or not as itself: a duplicate, a conflict, a dead one
//	event message   the same where the name of the event does not say where its message lies: a replay
//	/identity       a session request, as its identity stands in the key of its record
//	#sequence       a link.created that no record names any more

// clock is the beginning of each script that needs the time: milliseconds, as a number that prints without an exponent.
const clock = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function int(n) return string.format('%.0f', n) end
`

// trailing is the beginning of each script that leaves something on the trail. Once it is full, what lies in its middle goes:
// the first and the last entries stay.
const trailing = `
local function note(trail, entry, ttl)
  if redis.call('ZADD', trail, 'NX', int(now), entry) == 1 and redis.call('ZCARD', trail) > 32 then
    redis.call('ZREMRANGEBYRANK', trail, 16, 16)
  end
  redis.call('PEXPIRE', trail, ttl)
end
`

// keeping is the line that lets a key live for the ttl that an argument names, where less is left. To read what is left
// costs a third of what setting it anew does, and Take has set it moments ago: see [Store.keepFor].
func keeping(key, ttl string) string {
	return "if redis.call('PTTL', " + key + ") < tonumber(" + ttl + ") then redis.call('PEXPIRE', " + key + ", " + ttl + ") end\n"
}

// owning is the beginning of each script of the owner of a claim, which is mostly a string: it ends here for who is not the
// owner. What goes on has the state of a string, or nil of a hash (or of what the next command will say that it is none).
//
//	KEYS[1] the record   ARGV 1 owner  2 where BODY ends  3 27 more
const owning = `
local found, state = redis.pcall('GETRANGE', KEYS[1], ARGV[2], ARGV[3]), nil
if type(found) == 'string' then
  if string.sub(found, 3) ~= ARGV[1] then return 0 end
  state = string.sub(found, 1, 1)
end
`

// clearing is the beginning of each script that ends a claim and frees the record: only the generation stays.
const clearing = `
local function clear(record, generation, ttl)
  redis.call('DEL', record)
  if generation > 0 then
    redis.call('HSET', record, 'g', int(generation))
    redis.call('PEXPIRE', record, ttl)
  end
end
`

// takeScript takes the record for a delivery, or says why not.
//
//	KEYS[1] the record   KEYS[2] the event's grave   KEYS[3] the record of the token's link (for an invoice KEYS[1])
//	KEYS[4] the token's trail
//	ARGV    1 CALLING and OWNER, as in a string  2 lease ms  3 ttl ms  4 BODY, see packed.go  5 room for the answer
//
// and these only where one of them is not empty, or the event is to be noted on the trail when it is new, as a replay is:
//
//	ARGV    6 an event known to have ended, or ""
//	        7 "1": adopt what that event left recorded
//	        8 "1": a perished answer makes room for another event
//	        9 the identity as it stands in keys, "" for an invoice
//
// Answer: an outcome, then what belongs to it.
//
//	dead      verdict, letter, "1" when it has ended
//	published event, terms, answer
//	orphan    event, terms, answer             recorded for an event that has ended; ask again with ARGV[7]
//	busy      event, message, wait ms, "1" when nobody is at work on it, for how long that has been so ms
//	later     wait ms                          the next attempt is not due yet
//	taken     state, attempts, first, last, failure, waited, vanished, terms, answer, generation, cut off,
//	          link state, link age ms, link answer    (the last three for a session only)
//	new       link state, link age ms, link answer    taken, and there was nothing before
//
// The way of an event that is new comes first: nearly all are, and the rest of the script need not be run for it. Each
// argument has its price, too.
var takeScript = redis.NewScript(clock + `
local record, grave = KEYS[1], KEYS[2]
local lease, ttl = tonumber(ARGV[2]), ARGV[3]
local claim = ARGV[4] .. 'c' .. ARGV[1] .. string.format('%013.0f', now + lease) .. string.rep('0', 26) .. string.rep(' ', tonumber(ARGV[5]))
local dying = redis.call('EXISTS', grave) == 1
if not dying and not ARGV[6] and redis.call('SET', record, claim, 'NX', 'PX', ttl) then return {'new'} end
` + packing + trailing + clearing + graves + `
local link, trail = KEYS[3], KEYS[4]
local ended, adopt, perishable, identity = ARGV[6] or '', ARGV[7] or '', ARGV[8] or '', ARGV[9] or ''
local asked = unpacked(claim)
local event, message, terms, owner = asked.e, asked.m, asked.t, asked.o
local function lies(event, message) -- as the event's own name says
  return message == '' or string.sub(event, 1, #message + 1) == message .. '.'
end
local function seen(event, message)
  if not lies(event, message) then event = event .. ' ' .. message end
  note(trail, event, ttl)
end
local function withLink(answer) -- of a session
  if link == record then return answer end
  local k = look(link)
  local age = 0
  if k.x then age = math.max(0, now - tonumber(k.x)) end
  local last = #answer
  answer[last + 1] = k.s or ''
  answer[last + 2] = int(age)
  answer[last + 3] = k.r or ''
  return answer
end

if dying then
  local dead = death(grave, ttl)
  if dead then -- whoever made a claim by a plain SET, or is still at work for a dead event, has lost it
    local f = look(record)
    if f.s == 'claimed' and f.e == event then clear(record, tonumber(f.g or '0') or 0, ttl) end
    return dead
  end
end

local f, packed = look(record)
local state, holder, at = f.s, f.e or '', f.o or ''
local generation = tonumber(f.g or '0') or 0

if not state and generation == 0 or packed and state == 'claimed' and at == owner then
  if identity ~= '' then note(trail, '/' .. identity, ttl) end
  if not lies(event, message) then seen(event, message) end
  redis.call('SET', record, claim, 'PX', ttl)
  return withLink({'new'})
end

if state == 'published' then
  local perished = perishable == '1' and holder ~= event and f.p and tonumber(f.p) > 0 and tonumber(f.p) <= now
  if not perished then
    if holder ~= event then seen(event, message) end
    redis.call('PEXPIRE', record, ttl)
    return {'published', holder, f.t or '', f.r or ''}
  end
  generation = generation + 1
  if f.q then note(trail, '#' .. f.q, ttl) end
  if string.sub(holder, -2) == '.0' then note(trail, holder, ttl) end -- a replay is on the trail since it was taken
  redis.call('DEL', record)
  state = false
end

if state and at ~= owner then
  local left = tonumber(f.u or '0') - now
  local mine = holder == event
  local free = holder == '' or (ended ~= '' and ended == holder)
  if at ~= '' and left > 0 then
    if not mine then seen(event, message) end
    redis.call('PEXPIRE', record, ttl)
    return {'busy', holder, f.m or '', int(left), '0', '0'}
  end
  if packed then
    open(record, f)
    packed = false
  end
  if not (mine or free) then
    seen(event, message)
    redis.call('PEXPIRE', record, ttl)
    redis.call('HSETNX', record, 'y', int(now))
    local since = math.max(tonumber(redis.call('HGET', record, 'y')), tonumber(f.n or '0'))
    return {'busy', holder, f.m or '', '0', '1', int(math.max(0, now - since))}
  end
  if not mine and state == 'recorded' and adopt ~= '1' then
    redis.call('PEXPIRE', record, ttl)
    return {'orphan', holder, f.t or '', f.r or ''}
  end
  if not mine and holder ~= '' then seen(holder, f.m or '') end
  if not mine and state == 'claimed' then
    clear(record, generation, ttl)
    state = false
  else
    redis.call('HDEL', record, 'y')
    local due = tonumber(f.n or '0') - now
    if due > 0 then
      redis.call('PEXPIRE', record, ttl)
      return {'later', int(due)}
    end
    if at ~= '' and (f.c == '1' or state == 'recorded') then redis.call('HINCRBY', record, 'v', 1) end
    if at ~= '' and f.c == '1' then
      local last = int(tonumber(f.u) - lease) -- when it was last heard of
      redis.call('HINCRBY', record, 'k', 1)
      if redis.call('HGET', record, 'f') == '0' then redis.call('HSET', record, 'f', last) end
      redis.call('HSETNX', record, 'f', last)
      redis.call('HSET', record, 'l', last)
    end
  end
end

if packed and state then open(record, f) end
if not state then
  redis.call('HSET', record, 's', 'claimed', 't', terms)
  if generation > 0 then redis.call('HSET', record, 'g', int(generation)) end -- one higher than before, perhaps
elseif state == 'claimed' and f.t == '' then
  redis.call('HSET', record, 't', terms) -- they could not be filled in before
end
if identity ~= '' then note(trail, '/' .. identity, ttl) end
if not lies(event, message) then seen(event, message) end
redis.call('HSET', record, 'e', event, 'm', message, 'o', owner, 'u', int(now + lease), 'c', asked.c)
redis.call('PEXPIRE', record, ttl)

local c = redis.call('HMGET', record, 's', 'a', 'f', 'l', 'd', 'w', 'v', 't', 'r', 'g', 'k')
local answer = {'taken', c[1], c[2] or '0', c[3] or '0', c[4] or '0', c[5] or '', c[6] or '0', c[7] or '0',
  c[8] or '', c[9] or '', c[10] or '0', c[11] or '0'}
return withLink(answer)
`)

// linkScript reads what is known of a token's link.
//
//	KEYS[1] the link's record
//
// Answer: state, age ms, answer.
var linkScript = redis.NewScript(clock + packing + `
local k = look(KEYS[1])
local age = 0
if k.x then age = math.max(0, now - tonumber(k.x)) end
return {k.s or '', int(age), k.r or ''}
`)

// renewScript lengthens the lease, and the record's life with it where less is left.
//
//	KEYS[1] the record   ARGV 1 to 3 see owning  4 lease ms  5 ttl ms
//
// Answer: 1, or 0 when the claim is not the owner's.
var renewScript = redis.NewScript(clock + owning + `
if state then
  redis.call('SETRANGE', KEYS[1], ARGV[2] + 28, string.format('%013.0f', now + tonumber(ARGV[4])))
else
  if redis.call('HGET', KEYS[1], 'o') ~= ARGV[1] then return 0 end
  redis.call('HSET', KEYS[1], 'u', int(now + tonumber(ARGV[4])))
end
` + keeping("KEYS[1]", "ARGV[5]") + `
return 1
`)

// beginScript notes that the owner is in a call to the vendor.
//
//	KEYS[1] the record   ARGV 1 to 3 see owning
//
// Answer: 1, or 0 when the claim is not the owner's.
var beginScript = redis.NewScript(owning + `
if state then
  redis.call('SETRANGE', KEYS[1], ARGV[2] + 1, '1')
  return 1
end
if redis.call('HGET', KEYS[1], 'o') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'c', '1')
return 1
`)

// failScript keeps what was tried and when the next attempt is due; the owner keeps the claim or steps back.
//
//	KEYS[1] the record   ARGV 1 owner  2 attempts  3 first attempt  4 last attempt  5 failure  6 waited ms
//	                          7 delay ms  8 "1": the owner keeps the claim  9 lease ms
//
// Answer: 1, or 0 when the claim is not the owner's.
var failScript = redis.NewScript(clock + packing + `
if not opened(KEYS[1]) then return 0 end
if redis.call('HGET', KEYS[1], 'o') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'a', ARGV[2], 'f', ARGV[3], 'l', ARGV[4], 'd', ARGV[5], 'w', ARGV[6],
  'n', int(now + tonumber(ARGV[7])), 'v', '0', 'c', '')
if ARGV[8] == '1' then
  redis.call('HSET', KEYS[1], 'u', int(now + tonumber(ARGV[9])))
else
  redis.call('HSET', KEYS[1], 'o', '', 'u', '0')
end
return 1
`)

// releaseScript steps back from the claim: another delivery of the event may take it at once.
//
//	KEYS[1] the record   ARGV 1 owner
//
// Answer: 1, or 0 when the claim is not the owner's.
var releaseScript = redis.NewScript(packing + `
if not opened(KEYS[1]) then return 0 end
if redis.call('HGET', KEYS[1], 'o') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'o', '', 'u', '0', 'c', '')
return 1
`)

// recordScript keeps the vendor's answer.
//
//	KEYS[1] the record   ARGV 1 to 3 see owning  4 answer  5 PERISHES, as in a string  6 lease ms  7 ttl ms
//
// Answer: 1, or 0 when the claim is not the owner's. An answer that is there already is kept; the lease is lengthened all
// the same, since its owner counts it from now.
var recordScript = redis.NewScript(clock + owning + `
if state then
  local held = string.format('%013.0f', now + tonumber(ARGV[6]))
  if state == 'c' then
    redis.call('SETRANGE', KEYS[1], ARGV[2], 'r0' .. ARGV[1] .. held .. string.format('%013.0f', now) .. ARGV[5] .. ARGV[4])
  else
    redis.call('SETRANGE', KEYS[1], ARGV[2] + 28, held)
  end
` + keeping("KEYS[1]", "ARGV[7]") + `
  return 1
end
local f = redis.call('HMGET', KEYS[1], 'o', 's')
if f[1] ~= ARGV[1] then return 0 end
if f[2] == 'claimed' then
  redis.call('HSET', KEYS[1], 's', 'recorded', 'r', ARGV[4], 'x', int(now), 'p', ARGV[5], 'v', '0', 'c', '',
    'u', int(now + tonumber(ARGV[6])))
` + keeping("KEYS[1]", "ARGV[7]") + `
elseif f[2] == 'recorded' then
  redis.call('HSET', KEYS[1], 'u', int(now + tonumber(ARGV[6])))
end
return 1
`)

// publishScript marks the answer as published and drops what only the work needed.
//
//	KEYS[1] the record   ARGV 1 to 3 see owning  4 event  5 ttl ms  6 SEQUENCE of link.created, as in a string
//
// Answer: 1, or 0 when the claim is not the owner's. Run again after success it finds its own event and answers 1.
var publishScript = redis.NewScript(`
local found = redis.pcall('GETRANGE', KEYS[1], ARGV[2], ARGV[3])
if type(found) == 'string' and string.sub(found, 1, 1) == 'r' and string.sub(found, 3) == ARGV[1] then
  redis.call('SETRANGE', KEYS[1], ARGV[2], 'p0' .. ARGV[6])
` + keeping("KEYS[1]", "ARGV[5]") + `
  return 1
end
` + packing + `
if type(found) == 'string' then
  local f = look(KEYS[1])
  if f.s == 'published' and f.e == ARGV[4] then return 1 end
  return 0
end
local f = redis.call('HMGET', KEYS[1], 'o', 's', 'e', 'm', 't', 'r', 'x', 'p', 'g')
if f[2] == 'published' and f[3] == ARGV[4] then return 1 end
if f[1] ~= ARGV[1] or f[2] ~= 'recorded' then return 0 end
if not f[9] then
  redis.call('SET', KEYS[1], body(f[3], f[4], f[5]) .. 'p0' .. ARGV[6] .. pad(0) .. pad(f[7]) .. pad(f[8]) .. f[6], 'PX', ARGV[5])
  return 1
end
redis.call('HSET', KEYS[1], 's', 'published')
local told = sequence(ARGV[6])
if told then redis.call('HSET', KEYS[1], 'q', told) end
redis.call('HDEL', KEYS[1], 'o', 'u', 'm', 'a', 'f', 'l', 'd', 'n', 'w', 'v', 'y', 'c', 'k')
` + keeping("KEYS[1]", "ARGV[5]") + `
return 1
`)
