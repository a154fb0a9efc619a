-- wrk prints rounded numbers for people; this adds the exact ones as a line of JSON.
done = function(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        'BENCH {"requests":%d,"bytes":%d,"duration_us":%d,"connect":%d,"read":%d,"write":%d,' ..
        '"timeout":%d,"status":%d,"p50_us":%.3f,"p99_us":%.3f}\n',
        summary.requests, summary.bytes, summary.duration, errors.connect, errors.read,
        errors.write, errors.timeout, errors.status, latency:percentile(50), latency:percentile(99)))
end
