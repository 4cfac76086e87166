# SPDX-License-Identifier: Apache-2.0

# Rack, which Rails, Sinatra and Hanami read forms with. Raised: the number of
# parts, files and parameters. See ../python/frames.py for the protocol.

ENV["RACK_QUERY_PARSER_PARAMS_LIMIT"] = "10000000"
ENV["RACK_QUERY_PARSER_BYTESIZE_LIMIT"] = "1000000000"

require "base64"
require "digest"
require "json"
require "rack"
require "stringio"

Rack::Utils.multipart_total_part_limit = 0
Rack::Utils.multipart_file_limit = 0

def encode(text) = Base64.strict_encode64(text.to_s.b)

# add adds what Rack made of names with brackets: hashes and arrays.
def add(fields, files, name, value)
  case value
  when Hash
    if files && value[:tempfile]
      content = value[:tempfile].tap(&:rewind).read
      files << [encode(value[:name]), encode(value[:filename]), encode(value[:type]), content.bytesize, Digest::SHA256.hexdigest(content)]
      value[:tempfile].close!
    else
      value.each { |key, inner| add(fields, files, name ? "#{name}[#{key}]" : key, inner) }
    end
  when Array
    value.each { |inner| add(fields, files, "#{name}[]", inner) }
  else
    fields << [encode(name), encode(value)]
  end
end

def read(header, body)
  reading = {query: [], fields: [], files: [], error: "", unsupported: false}
  request = Rack::Request.new(
    "REQUEST_METHOD" => header["method"],
    "SCRIPT_NAME" => "",
    "PATH_INFO" => "/base/",
    "QUERY_STRING" => Base64.decode64(header["query"]),
    "CONTENT_TYPE" => Base64.decode64(header["content_type"]),
    "CONTENT_LENGTH" => body.bytesize.to_s,
    "SERVER_NAME" => "localhost",
    "SERVER_PORT" => "80",
    "rack.url_scheme" => "http",
    "rack.input" => StringIO.new(body),
  )
  begin
    add(reading[:query], nil, nil, request.GET)
    add(reading[:fields], reading[:files], nil, request.POST)
  rescue StandardError => e
    reading[:error] = "#{e.class}: #{e.message}".b.gsub(/[^\x20-\x7e]/n, "?")[0, 300].force_encoding("utf-8")
  end
  reading
end

$stdin.binmode
$stdout.sync = true
puts JSON.generate(parser: "Rack", version: Rack.release)
while (line = $stdin.gets)
  header = JSON.parse(line)
  body = header["length"].zero? ? "".b : $stdin.read(header["length"])
  puts JSON.generate(read(header, body))
end
