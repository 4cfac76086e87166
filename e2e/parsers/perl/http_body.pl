#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0

# HTTP::Body, which Catalyst reads forms with.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;

use Frames;
use HTTP::Body;

sub add_each {
	my ($add, $values) = @_;
	for my $value (ref $values eq 'ARRAY' ? @$values : $values) {
		$add->($value);
	}
	return;
}

# type_of takes the first of several lines.
sub type_of {
	my ($type) = $_[0]{headers}{'Content-Type'};
	return ref $type ? $type->[0] : $type;
}

Frames::serve('HTTP::Body', $HTTP::Body::VERSION, sub {
	my ($request, $reading) = @_;
	return if !length $request->{body};
	my $body = HTTP::Body->new($request->{content_type}, length $request->{body});
	$body->cleanup(1);
	$body->add($request->{body});
	for my $name (@{$body->param_order || []}) {
		next if !exists $body->param->{$name};
		add_each(sub { $reading->add_field($name, $_[0]) }, delete $body->param->{$name});
	}
	for my $name (sort keys %{$body->upload}) {
		add_each(sub {
			my ($upload) = @_;
			open my $content, '<', $upload->{tempname} or die $!;
			$reading->add_file($name, $upload->{filename}, type_of($upload), Frames::slurp($content));
		}, $body->upload->{$name});
	}
});
