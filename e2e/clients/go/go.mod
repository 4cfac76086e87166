module github.com/caddy-uploadcare/caddy-uploadcare/e2e/clients/go

go 1.26.0

require github.com/uploadcare/uploadcare-go v1.1.0

require github.com/btcsuite/btclog v0.0.0-20170628155309-84c8d2346e9f // indirect
