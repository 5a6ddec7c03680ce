-- Arguments: method, path, and for changing paths the first id, or the largest of random ones.
function init(args)
  wrk.method = args[1]
  path, from, upTo = args[2], tonumber(args[3]), tonumber(args[4])
  math.randomseed(os.time())
end

function request()
  if upTo then return wrk.format(nil, path .. math.random(1, upTo)) end
  if not from then return wrk.format(nil, path) end
  from = from + 1
  return wrk.format(nil, path .. from)
end
