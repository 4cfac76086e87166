#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0

# CGI.pm. Nothing is raised: its bounds are off by default.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;

use CGI;
use Frames;

$CGI::LIST_CONTEXT_WARN = 0;

Frames::serve('CGI.pm', $CGI::VERSION, sub {
	my ($request, $reading) = @_;
	local %ENV = (%ENV, Frames::environment($request));
	CGI::initialize_globals();
	$CGI::LIST_CONTEXT_WARN = 0;
	open my $body, '<', \$request->{body} or die $!;
	local *STDIN = $body;
	my $form = CGI->new;
	die $form->cgi_error if $form->cgi_error;
	for my $name (sort $form->url_param) {
		next if !defined $name;
		$reading->add_query($name, $_) for $form->url_param($name);
	}
	return if !length $request->{body};
	for my $name ($form->param) {
		my @uploads = $form->upload($name);
		for my $value ($form->param($name)) {
			if (ref $value && defined fileno $value) {
				my $info = $form->uploadInfo($value) || {};
				$reading->add_file($name, "$value", $info->{'Content-Type'}, Frames::slurp($value));
			} else {
				$reading->add_field($name, "$value");
			}
		}
	}
});
