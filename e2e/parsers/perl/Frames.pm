# SPDX-License-Identifier: Apache-2.0

# The suite's protocol: requests come in on stdin, readings go out on stdout.
# See ../python/frames.py.

package Frames;

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use JSON::PP;
use MIME::Base64 qw(decode_base64 encode_base64);

my $json = JSON::PP->new->canonical->ascii;

sub encode {
	my ($text) = @_;
	$text = '' unless defined $text;
	utf8::encode($text) if utf8::is_utf8($text);
	return encode_base64($text, '');
}

sub new { return bless {query => [], fields => [], files => [], error => ''}, shift }

sub add_query { my ($self, $name, $value) = @_; push @{$self->{query}}, [encode($name), encode($value)]; return }
sub add_field { my ($self, $name, $value) = @_; push @{$self->{fields}}, [encode($name), encode($value)]; return }

sub add_file {
	my ($self, $name, $filename, $type, $content) = @_;
	push @{$self->{files}}, [encode($name), encode($filename), encode($type), length $content, sha256_hex($content)];
	return;
}

sub slurp {
	my ($handle) = @_;
	local $/;
	seek $handle, 0, 0;
	binmode $handle;
	my $content = <$handle>;
	return defined $content ? $content : '';
}

# environment returns the request as CGI has it.
sub environment {
	my ($request) = @_;
	return (
		REQUEST_METHOD  => $request->{method},
		SCRIPT_NAME     => '',
		PATH_INFO       => '/base/',
		REQUEST_URI     => '/base/',
		QUERY_STRING    => $request->{query},
		CONTENT_TYPE    => $request->{content_type},
		CONTENT_LENGTH  => length $request->{body},
		SERVER_NAME     => 'localhost',
		SERVER_PORT     => 80,
		SERVER_PROTOCOL => 'HTTP/1.1',
		HTTP_HOST       => 'localhost',
	);
}

# send_reading writes JSON by hand, since its texts are base64: JSON::PP is slow.
sub send_reading {
	my ($self) = @_;
	my %list;
	for my $kind (qw(query fields)) {
		$list{$kind} = join ',', map {qq(["$_->[0]","$_->[1]"])} @{$self->{$kind}};
	}
	$list{files} = join ',', map {qq(["$_->[0]","$_->[1]","$_->[2]",$_->[3],"$_->[4]"])} @{$self->{files}};
	my $error = $json->encode([$self->{error}]);
	print STDOUT qq({"query":[$list{query}],"fields":[$list{fields}],"files":[$list{files}],"error":), substr($error, 1, -1), "}\n";
	return;
}

# serve has read($request, $reading) fill in a reading of each request; it dies
# where a server would respond with an error.
sub serve {
	my ($parser, $version, $read) = @_;
	binmode STDIN;
	binmode STDOUT;
	$| = 1;
	local $SIG{__WARN__} = sub { };
	print STDOUT $json->encode({parser => $parser, version => "$version"}), "\n";
	open my $frames, '<&', \*STDIN or die $!; # STDIN itself is the parsers'
	binmode $frames;
	while (defined(my $line = readline $frames)) {
		my $request = $json->decode($line);
		$request->{body} = '';
		read $frames, $request->{body}, $request->{length} if $request->{length};
		$request->{$_} = decode_base64($request->{$_}) for qw(query content_type);
		my $reading = Frames->new;
		if (!eval { $read->($request, $reading); 1 }) {
			$reading->{error} = substr "$@", 0, 300;
			$reading->{error} = 'error' if $reading->{error} eq '';
			utf8::decode($reading->{error});
			$reading->{error} =~ s/[^\x20-\x7e]/?/g;
		}
		$reading->send_reading;
	}
	return;
}

1;
