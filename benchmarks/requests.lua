-- wrk script: sends the requests of a file in turn and prints one line of JSON at the end.
-- Usage: wrk ... -s requests.lua URL -- FILE
local requests = {}
local at = 0

function init(args)
   local file = assert(io.open(args[1], "rb"))
   while true do
      local prefix = file:read(4)
      if not prefix or #prefix < 4 then break end
      local a, b, c, d = prefix:byte(1, 4)
      requests[#requests + 1] = file:read(a + b * 256 + c * 65536 + d * 16777216)
   end
   file:close()
end

function request()
   at = at + 1
   if at > #requests then at = 1 end
   return requests[at]
end

function done(summary, latency, _)
   local e = summary.errors
   io.write(string.format(
      '{"requests":%d,"duration_us":%d,"bytes":%d,"errors":%d,"bad_status":%d,' ..
      '"p50_us":%d,"p99_us":%d,"max_us":%d}\n',
      summary.requests, summary.duration, summary.bytes, e.connect + e.read + e.write + e.timeout,
      e.status, latency:percentile(50), latency:percentile(99), latency.max))
end
