package claim

import (
	"strconv"
	"strings"
	"time"
)

// A record that goes well is one string: a third less memory than a hash, and one command where a hash takes several.
//
//	claimed    BODY c CALLING OWNER    UNTIL zeros    zeros    blanks
//	recorded   BODY r CALLING OWNER    UNTIL RECORDED PERISHES answer blanks
//	published  BODY p CALLING SEQUENCE UNTIL RECORDED PERISHES answer blanks
//
// BODY is three netstrings (https://cr.yp.to/proto/netstrings.txt, without the comma): the event, where its message lies
// ("=" where the event's name says so), the terms. The blanks are room for the answer. The owner of a claim knows how long BODY
// is. What follows has a fixed width up to the answer, so that a step of the owner is a look at one place and one write
// there: CALLING is 0 or 1, OWNER ownerLength characters, SEQUENCE as many digits, each time 13.
//
// UNTIL is a time or, of a claim that was made by a plain SET, a minus sign and twelve digits: the lease ends when the key
// has no more than so many milliseconds to live. That is a time of Redis's clock, too, without a script that asks for it.
// A script that looks at such a claim for somebody else writes the time down first, so that the key may live longer then.
//
// What does not go well (a failure, a release, a death, another owner, a generation) makes it a hash; its publication
// makes it a string again. Any other string is none of ours.

// packing is the beginning of each script that meets records.
//
//	unpacked(v)        the fields of the string, by name, as those of the hash
//	sequence(padded)   a SEQUENCE without its zeros, nil of none
//	look(key)          the fields of the record, whatever it is, and whether it is a string; UNTIL is a time from then on
//	open(key, fields)  makes a hash of the string
//	opened(key)        the same where it has an owner; false for one that is published
//
// What most events meet is done before this, and without it: to make a function costs a script some time, too.
const packing = `
local function pad(ms) return string.format('%013.0f', math.max(0, math.min(tonumber(ms) or 0, 9999999999999))) end
local function ns(text) return #text .. ':' .. text end
local function cut(v, at)
  local colon = string.find(v, ':', at, true)
  local n = colon and tonumber(string.sub(v, at, colon - 1))
  if not n or colon + n > #v then error('the key holds no record of a claim') end
  return string.sub(v, colon + 1, colon + n), colon + n + 1
end
local function named(event) return string.match(event, '^([^.]*%.[^.]*)%.') end
local function body(event, message, terms)
  if message and message == named(event) then message = '=' end
  return ns(event) .. ns(message or '') .. ns(terms or '')
end
local function sequence(padded)
  local told = string.match(padded, '^0*(.*)$')
  if told ~= '' then return told end
end
local function unpacked(v)
  local f, at = {}, 1
  f.e, at = cut(v, at)
  f.m, at = cut(v, at)
  if f.m == '=' then f.m = named(f.e) end
  f.t, at = cut(v, at)
  local state = string.match(string.sub(v, at, at + 1), '^([crp])%d')
  if not state or #v < at + 66 then error('the key holds no record of a claim') end
  local told = string.sub(v, at + 2, at + 27)
  if state == 'p' then
    f.s, f.q = 'published', sequence(told)
  else
    f.s, f.c, f.o, f.u = 'claimed', string.sub(v, at + 1, at + 1), told, string.sub(v, at + 28, at + 40)
  end
  if state == 'r' then f.s = 'recorded' end
  if state ~= 'c' then
    f.x, f.p = string.sub(v, at + 41, at + 53), string.sub(v, at + 54, at + 66)
    f.r = string.gsub(string.sub(v, at + 67), ' +$', '')
  end
  return f, at
end
local names = {'s', 'e', 'm', 'o', 'u', 't', 'n', 'c', 'r', 'x', 'p', 'g', 'q'}
local function look(key)
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' then return {} end
  if kind == 'string' then
    local f, at = unpacked(redis.call('GET', key))
    if f.u and string.sub(f.u, 1, 1) == '-' then
      local time = redis.call('TIME')
      f.u = pad(time[1] * 1000 + math.floor(time[2] / 1000) + redis.call('PTTL', key) + tonumber(f.u))
      redis.call('SETRANGE', key, at + 27, f.u)
    end
    return f, true
  end
  local f = {}
  for i, value in ipairs(redis.call('HMGET', key, unpack(names))) do
    f[names[i]] = value or nil
  end
  return f
end
local function open(key, f)
  local left = redis.call('PTTL', key)
  redis.call('DEL', key)
  for _, name in ipairs(names) do
    if f[name] then redis.call('HSET', key, name, f[name]) end
  end
  if left > 0 then redis.call('PEXPIRE', key, left) end
end
local function opened(key)
  local f, packed = look(key)
  if packed and f.s ~= 'published' then open(key, f) end
  return not packed or f.s ~= 'published'
end
`

// Widths of the fixed parts.
const (
	ownerLength = 26
	timeLength  = 13
	headLength  = 2 + ownerLength + 3*timeLength
)

// maxMillis is the latest time that a string can hold, in the year 2286.
const maxMillis = 9_999_999_999_999

// maxKeep is the longest time that a lease can be told by, 31 years.
const maxKeep = 999_999_999_999 * time.Millisecond

// packClaim writes a new claim behind its BODY, for a key that is to live for the lease and then keep, with room for the answer.
func packClaim(body []byte, calling bool, owner string, keep time.Duration, room int) []byte {
	b := append(body, 'c')
	b = append(b, callingFlag(calling)...)
	b = append(b, owner...)
	b = append(b, '-')
	b = append(b, zeros(strconv.FormatInt(millis(keep), 10), timeLength-1)...)
	b = append(b, untimed...)
	return append(b, blanks[:room]...)
}

// untimed is what stands in a string for RECORDED and PERISHES before they are known.
var untimed = strings.Repeat("0", 2*timeLength)

// padded is a time, Unix milliseconds, as it stands in a string.
func padded(ms int64) string {
	return zeros(strconv.FormatInt(min(max(ms, 0), maxMillis), 10), timeLength)
}

// sequence is a sequence as it stands in a string, 0 where it is not known.
func sequence(n uint64) string { return zeros(strconv.FormatUint(n, 10), ownerLength) }

// zeros puts zeros before the number.
func zeros(number string, width int) string { return untimed[:width-len(number)] + number }

// lies reports whether the name of the event says where its message lies, or nobody knows it.
func lies(event, message string) bool {
	return message == "" || strings.HasPrefix(event, message+".")
}

// packBody writes what a string holds of an event, with room for what follows it.
func packBody(event, message string, terms []byte, room int) []byte {
	if message != "" && message == messageOf(event) {
		message = "="
	}
	b := make([]byte, 0, len(event)+len(message)+len(terms)+12+headLength+room)
	b = appendNetstring(b, event)
	b = appendNetstring(b, message)
	return appendNetstring(b, terms)
}

func appendNetstring[T string | []byte](b []byte, text T) []byte {
	b = strconv.AppendInt(b, int64(len(text)), 10)
	b = append(b, ':')
	return append(b, text...)
}
