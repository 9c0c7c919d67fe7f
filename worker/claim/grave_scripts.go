package claim

import "github.com/redis/go-redis/v9"

// A grave is a hash with these fields.
//
//	verdict  what was decided; empty once it is carried out
//	put      the dead letter's id, once it is in its stream
//	letter   the same once its link.failed is in its stream, too: the event has ended
//	q        sequence of that link.failed in its stream
//	by       who was the first to say so
//
// graves is the beginning of each script that meets a grave: what it answers of one that is there.
const graves = `
local function death(grave, ttl)
  local g = redis.call('HMGET', grave, 'verdict', 'letter', 'put')
  if not (g[1] or g[2]) then return nil end
  redis.call('PEXPIRE', grave, ttl)
  if g[2] then return {'dead', g[1] or '', g[2], '1'} end
  return {'dead', g[1], g[3] or '', '0'}
end
`

// buryScript decides an event's death once and for all, and frees its token.
//
//	KEYS[1] the event's grave   KEYS[2] the record   KEYS[3] the token's trail
//	ARGV    1 owner of the record's claim, or "" when the event holds none  2 verdict  3 ttl ms
//	        4 the event's entry on the trail, "" for none
//
// Answer: as the take script's for a dead event, an earlier verdict wins; or "lost" when the claim is not the owner's. A
// recorded answer stays, free for any event.
var buryScript = redis.NewScript(clock + packing + trailing + clearing + graves + `
local dead = death(KEYS[1], ARGV[3])
if dead then return dead end
if ARGV[1] ~= '' then
  if not opened(KEYS[2]) then return {'lost'} end
  local f = redis.call('HMGET', KEYS[2], 'o', 's', 'g')
  if f[1] ~= ARGV[1] then return {'lost'} end
  if f[2] == 'claimed' then
    clear(KEYS[2], tonumber(f[3] or '0') or 0, ARGV[3])
  else
    redis.call('HSET', KEYS[2], 'e', '', 'o', '', 'u', '0')
  end
end
redis.call('HSET', KEYS[1], 'verdict', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
if ARGV[4] ~= '' then note(KEYS[3], ARGV[4], ARGV[3]) end
return {'dead', ARGV[2], '', '0'}
`)

// fileScript notes that the letter is in its stream. The first one stays, and nothing changes once the verdict is carried
// out. A grave that Redis has forgotten is not made again: its event would be dead without a verdict.
//
//	KEYS[1] the event's grave   ARGV 1 letter  2 ttl ms
var fileScript = redis.NewScript(`
local verdict = redis.call('HGET', KEYS[1], 'verdict')
if verdict and verdict ~= '' then
  redis.call('HSETNX', KEYS[1], 'put', ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1
`)

// closeScript notes that the letter and its link.failed are in their streams; the verdict is no longer needed.
//
//	KEYS[1] the event's grave   ARGV 1 letter  2 ttl ms  3 sequence of link.failed, "" where it is not known
//	                                 4 who closes, the same whenever it tries again
//
// Answer: 1, or 0 when somebody else has closed it before.
var closeScript = redis.NewScript(`
redis.call('HSETNX', KEYS[1], 'by', ARGV[4])
redis.call('HSET', KEYS[1], 'verdict', '', 'letter', ARGV[1])
redis.call('HDEL', KEYS[1], 'put')
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'q', ARGV[3]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if redis.call('HGET', KEYS[1], 'by') == ARGV[4] then return 1 end
return 0
`)
