# SPDX-License-Identifier: Apache-2.0
# The endpoints as Rack's map has them: by what a path begins with, and nothing is decoded.
%w[/base /group /multipart/start /info].each do |name|
  map(name) { run ->(_env) { [200, { "Content-Type" => "text/plain" }, [name + "/"]] } }
end
