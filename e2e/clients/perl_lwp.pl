# SPDX-License-Identifier: Apache-2.0

# Uploads with LWP: perl_lwp.pl <base URL> <task> <argument>.

use strict;
use warnings;

use HTTP::Request::Common qw(GET POST);
use LWP::UserAgent;
use URI;

my $key = 'demopublickey';
# A pair that was signed long ago, in a way of long ago.
my @stale = (signature => '46f70d2b4fb6196daeb2c16bf44a7f1e', expire => '1454903856');

sub direct {
    my ($base, $path, @pair) = @_;
    return POST "$base/base/",
        Content_Type => 'form-data',
        Content      => [UPLOADCARE_PUB_KEY => $key, UPLOADCARE_STORE => 'auto', file => [$path], @pair];
}

sub from_url {
    my ($base, $source, @pair) = @_;
    my $address = URI->new("$base/from_url/");
    $address->query_form(pub_key => $key, @pair, source_url => $source);
    return GET $address;
}

my ($base, $task, $argument) = @ARGV;
my %tasks = (
    'direct'         => sub { direct($base, $argument) },
    'direct-stale'   => sub { direct($base, $argument, @stale) },
    'from_url'       => sub { from_url($base, $argument) },
    'from_url-stale' => sub { from_url($base, $argument, @stale) },
);
my $response = LWP::UserAgent->new(timeout => 60)->request($tasks{$task}->());
die $response->status_line, "\n", $response->decoded_content, "\n" unless $response->is_success;
print $response->decoded_content;
