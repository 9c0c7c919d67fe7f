package claim

import (
	"strconv"
	"strings"
)

// A record that goes well is one string: a third less memory than a hash, and one command where a hash takes several.
//
//	claimed    c CALLING OWNER    UNTIL zeros    zeros    BODY
//	recorded   r CALLING OWNER    UNTIL RECORDED PERISHES BODY answer
//	published  p CALLING SEQUENCE UNTIL RECORDED PERISHES BODY answer
//
// The parts in capitals but BODY have a fixed width, so that a step is a look at the beginning and a few characters put in
// their place: CALLING is 0 or 1, OWNER ownerLength characters, SEQUENCE as many digits, each time 13. BODY is three
// netstrings (https://cr.yp.to/proto/netstrings.txt, without the comma): the event, where its message lies ("=" where the
// event's name says so), the terms.
//
// What does not go well (a failure, a release, a death, another owner, a generation) makes it a hash; its publication
// makes it a string again. A string that begins otherwise is none of ours.

// packing is the beginning of each script that meets records.
//
//	unpacked(v)        the fields of the string, by name, as those of the hash
//	sequence(padded)   a SEQUENCE without its zeros, nil of none
//	look(key)          the fields of the record, whatever it is, and whether it is a string
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
  local f, at = {}, 68
  local state = string.sub(v, 1, 1)
  if state == 'p' then
    f.s, f.q = 'published', sequence(string.sub(v, 3, 28))
  else
    f.s, f.c, f.o, f.u = 'claimed', string.sub(v, 2, 2), string.sub(v, 3, 28), string.sub(v, 29, 41)
  end
  if state == 'r' then f.s = 'recorded' end
  if state ~= 'c' then f.x, f.p = string.sub(v, 42, 54), string.sub(v, 55, 67) end
  f.e, at = cut(v, at)
  f.m, at = cut(v, at)
  if f.m == '=' then f.m = named(f.e) end
  f.t, at = cut(v, at)
  if state ~= 'c' then f.r = string.sub(v, at) end
  return f
end
local names = {'s', 'e', 'm', 'o', 'u', 't', 'n', 'c', 'r', 'x', 'p', 'g', 'q'}
local function look(key)
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' then return {} end
  if kind == 'string' then
    local v = redis.call('GET', key)
    if string.find(v, '^[crp]%d') then return unpacked(v), true end
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
)

// maxMillis is the latest time that a string can hold, in the year 2286.
const maxMillis = 9_999_999_999_999

// untimed is what stands in a string for RECORDED and PERISHES before they are known.
var untimed = strings.Repeat("0", 2*timeLength)

// padded is a time, Unix milliseconds, as it stands in a string.
func padded(ms int64) string {
	return zeros(strconv.FormatInt(min(max(ms, 0), maxMillis), 10), timeLength)
}

// sequence is a sequence as it stands in a string, 0 where it is not known.
func sequence(n uint64) string { return zeros(strconv.FormatUint(n, 10), ownerLength) }

// zeros puts zeros before the number.
func zeros(number string, width int) string { return strings.Repeat("0", width-len(number)) + number }

// lies reports whether the name of the event says where its message lies, or nobody knows it.
func lies(event, message string) bool {
	return message == "" || strings.HasPrefix(event, message+".")
}

// packBody writes what a string holds of an event, behind what comes before it.
func packBody(before, event, message string, terms []byte) []byte {
	if message != "" && message == messageOf(event) {
		message = "="
	}
	b := make([]byte, 0, len(before)+len(event)+len(message)+len(terms)+12)
	b = append(b, before...)
	b = appendNetstring(b, event)
	b = appendNetstring(b, message)
	return appendNetstring(b, terms)
}

func appendNetstring[T string | []byte](b []byte, text T) []byte {
	b = strconv.AppendInt(b, int64(len(text)), 10)
	b = append(b, ':')
	return append(b, text...)
}
