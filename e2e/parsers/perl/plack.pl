#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0

# Plack::Request, which reads forms with HTTP::Entity::Parser (Dancer2, Kossy,
# Amon2 and others).

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;

use Frames;
use HTTP::Entity::Parser;
use Plack;
use Plack::Request;

Frames::serve('Plack', "$Plack::VERSION, HTTP::Entity::Parser $HTTP::Entity::Parser::VERSION", sub {
	my ($request, $reading) = @_;
	open my $body, '<', \$request->{body} or die $!;
	my $http = Plack::Request->new({
		Frames::environment($request),
		'psgi.input'        => $body,
		'psgi.url_scheme'   => 'http',
		'psgix.input.buffered' => 1,
	});
	$http->query_parameters->each(sub { $reading->add_query(@_) });
	$http->body_parameters->each(sub { $reading->add_field(@_) });
	$http->uploads->each(sub {
		my ($name, $upload) = @_;
		open my $content, '<', $upload->path or die $!;
		$reading->add_file($name, $upload->filename, $upload->content_type, Frames::slurp($content));
	});
});
