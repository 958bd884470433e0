-- POST one visit: a fresh id, a random member with one of their households. Arguments: file of "token household …"
-- lines, days joined by commas, seed, visits in a request (0 = one visit as the body itself).
local lines, days, size = {}, {}, 0
local topics = {'"nothing_new"', '"nothing_new"', '"policy"', '"policy","needs"', '"care"', '"safety","livelihood"'}
local notes = {"家中一切都好，老人身体硬朗", "屋后水沟堵了，已经告诉村里安排清理", "想了解合作医疗缴费的时间，已当面说明，下次带表格来"}
local modes = {"in_person", "in_person", "in_person", "in_person", "remote", "gathering"}
local outcomes = {"met", "met", "met", "met", "met", "met", "met", "met", "not_home", "declined"}
local random, format, concat = math.random, string.format, table.concat
local threads, bad = {}, 0

local function pick(list) return list[random(#list)] end
local function id()
  return format("%08x-%04x-4%03x-8%03x-%06x%06x", random(0, 0xffffffff), random(0, 0xffff), random(0, 0xfff),
    random(0, 0xfff), random(0, 0xffffff), random(0, 0xffffff))
end
local function visit(household)
  local day, note = pick(days), ""
  if random(3) == 1 then note = ',"note":"' .. pick(notes) .. '"' end
  return format('{"client_id":"%s","household_id":"%s","occurred_on":"%s","noted_at":"%sT%02d:%02d:00+08:00",'
    .. '"mode":"%s","outcome":"%s","topics":[%s]%s,"needs_follow_up":false}',
    id(), household, day, day, random(8, 20), random(0, 59), pick(modes), pick(outcomes), pick(topics), note)
end

function setup(thread) table.insert(threads, thread) end

function init(args)
  for line in io.lines(args[1]) do
    local words = {}
    for word in line:gmatch("%S+") do words[#words + 1] = word end
    lines[#lines + 1] = words
  end
  for day in args[2]:gmatch("[^,]+") do days[#days + 1] = day end
  math.randomseed(tonumber(args[3]))
  size = tonumber(args[4])
  -- Every batch is answered 200, so the answers inside are looked at; for single visits the status says it all.
  bad = 0
  if size > 0 then
    response = function(status, headers, body)
      local _, made = body:gsub('"status":201', "")
      bad = bad + size - made
    end
  end
end

function request()
  local words = pick(lines)
  local body
  if size == 0 then
    body = visit(words[random(2, #words)])
  else
    local all = {}
    for i = 1, size do all[i] = visit(words[2 + i % (#words - 1)]) end
    body = '{"visits":[' .. concat(all, ",") .. "]}"
  end
  return wrk.format("POST", nil, {["Authorization"] = "Bearer " .. words[1], ["Content-Type"] = "application/json"}, body)
end

function done(summary, latency)
  local wrong = 0
  for _, thread in ipairs(threads) do wrong = wrong + (thread:get("bad") or 0) end
  local e = summary.errors
  io.write(format("RESULT rps=%.3f p50=%.3f p99=%.3f n=%d errors=%d\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.requests,
    wrong + e.status + e.connect + e.read + e.write + e.timeout))
end
