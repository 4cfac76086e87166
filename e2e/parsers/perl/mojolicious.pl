#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0

# Mojolicious: Mojo::Message::Request, given the request as bytes. Raised: the
# size of the message.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;

use Frames;
use Mojo::Message::Request;
use Mojolicious;

Frames::serve('Mojolicious', $Mojolicious::VERSION, sub {
	my ($request, $reading) = @_;
	my $http = Mojo::Message::Request->new;
	$http->max_message_size(1 << 30);
	my $target = '/base/' . (length $request->{query} ? "?$request->{query}" : '');
	$http->parse("$request->{method} $target HTTP/1.1\r\nHost: localhost\r\nContent-Type: $request->{content_type}\r\nContent-Length: " . length($request->{body}) . "\r\n\r\n");
	$http->parse($request->{body}) if length $request->{body};
	die $http->error->{message} if $http->error;
	my @query = @{$http->query_params->pairs};
	while (my ($name, $value) = splice @query, 0, 2) {
		$reading->add_query($name, $value);
	}
	my @fields = @{$http->body_params->pairs};
	while (my ($name, $value) = splice @fields, 0, 2) {
		$reading->add_field($name, $value);
	}
	for my $upload (@{$http->uploads}) {
		$reading->add_file($upload->name, $upload->filename, $upload->headers->content_type, $upload->slurp);
	}
});
