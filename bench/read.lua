-- GET one address with a token (the only argument).
function init(args) wrk.headers["Authorization"] = "Bearer " .. args[1] end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT rps=%.3f p50=%.3f p99=%.3f n=%d errors=%d\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.requests,
    e.status + e.connect + e.read + e.write + e.timeout))
end
