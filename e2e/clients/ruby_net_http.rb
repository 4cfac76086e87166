# SPDX-License-Identifier: Apache-2.0

# Uploads with Ruby's standard library: ruby_net_http.rb <base URL> <task> <argument>.

require "net/http"

KEY = "demopublickey"
# A pair that was signed long ago, in a way of long ago.
STALE = [["signature", "46f70d2b4fb6196daeb2c16bf44a7f1e"], ["expire", "1454903856"]].freeze

def post(base, path, form, encoding)
  address = URI(base + path)
  request = Net::HTTP::Post.new(address)
  request.set_form(form, encoding)
  Net::HTTP.start(address.host, address.port) { |http| http.request(request) }
end

def direct(base, path, stale)
  File.open(path, "rb") do |file|
    form = [["UPLOADCARE_PUB_KEY", KEY], ["UPLOADCARE_STORE", "auto"], ["file", file], *stale]
    post(base, "/base/", form, "multipart/form-data")
  end
end

def from_url(base, source, stale)
  form = [["pub_key", KEY], ["source_url", source], *stale]
  post(base, "/from_url/", form, "application/x-www-form-urlencoded")
end

base, task, argument = ARGV
response = case task
           when "direct" then direct(base, argument, [])
           when "direct-stale" then direct(base, argument, STALE)
           when "from_url" then from_url(base, argument, [])
           when "from_url-stale" then from_url(base, argument, STALE)
           end
response.value # raises unless 2xx
print response.body
