-- What wrk sends: a request in absolute form, for the origin on the port that it is given.
function init(args)
  local host = "127.0.0.1:" .. args[1]
  ask = "GET http://" .. host .. "/small HTTP/1.1\r\nHost: " .. host ..
    "\r\nUser-Agent: wrk\r\nAccept: */*\r\n\r\n"
end

function request()
  return ask
end
