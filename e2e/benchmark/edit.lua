-- Takes a stale credential out of the fields before the file, and puts a fresh
-- one before the form's end.

local signature = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
local expire = "4000000000"

local boundary = ngx.var.content_type:match("boundary=(.*)")
local delimiter = "--" .. boundary .. "\r\n"
local closing = "--" .. boundary .. "--\r\n"

local function field(name, value)
	return delimiter .. 'Content-Disposition: form-data; name="' .. name .. '"\r\n\r\n' .. value .. "\r\n"
end

-- Edits the beginning of a form.
local function without_stale(text)
	local kept, from = {}, 1
	while true do
		local _, begins = text:find(delimiter, from, true)
		local ends = begins and text:find(delimiter, begins + 1, true)
		if not ends then break end
		local name = text:match('^Content%-Disposition: form%-data; name="([^"]*)"\r\n', begins + 1)
		if name ~= "signature" and name ~= "expire" then
			kept[#kept + 1] = text:sub(from, ends - 1)
		end
		from = ends
	end
	kept[#kept + 1] = text:sub(from)
	return table.concat(kept)
end

-- Edits the end of a form.
local function with_fresh(text)
	return text:sub(1, -#closing - 1) .. field("signature", signature) .. field("expire", expire) .. closing
end

ngx.req.read_body()
local body = ngx.req.get_body_data()
if body then
	ngx.req.set_body_data(with_fresh(without_stale(body)))
	return
end

-- It is in a file, which is copied into another.
local file = assert(io.open(ngx.req.get_body_file(), "rb"))
ngx.req.init_body(256 * 1024)
local held = without_stale(file:read(256 * 1024))
while true do
	local piece = file:read(256 * 1024)
	if not piece then break end
	-- The end may be cut in two.
	if #piece < #closing then
		held = held .. piece
	else
		ngx.req.append_body(held)
		held = piece
	end
end
ngx.req.append_body(with_fresh(held))
ngx.req.finish_body()
file:close()
