<?php
// SPDX-License-Identifier: Apache-2.0

// Uploads with PHP's curl extension: php_curl.php <base URL> <task> <argument...>.

const KEY = 'demopublickey';
// A pair that was signed long ago, in a way of long ago.
const STALE = ['signature' => '46f70d2b4fb6196daeb2c16bf44a7f1e', 'expire' => '1454903856'];

// post sends multipart/form-data if fields is an array, urlencoded if it is text.
function post(string $url, array|string $fields): string
{
    $curl = curl_init($url);
    curl_setopt_array($curl, [
        CURLOPT_POSTFIELDS => $fields,
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_FAILONERROR => true,
        CURLOPT_TIMEOUT => 60,
    ]);
    $response = curl_exec($curl);
    if ($response === false) {
        fwrite(STDERR, curl_error($curl) . "\n");
        exit(1);
    }
    return $response;
}

function direct(string $base, string $path, array $stale): string
{
    return post("$base/base/", ['UPLOADCARE_PUB_KEY' => KEY, 'UPLOADCARE_STORE' => 'auto'] + $stale + ['file' => new CURLFile($path)]);
}

function group(string $base, array $ids, array $stale): string
{
    return post("$base/group/", http_build_query(['pub_key' => KEY, 'files' => $ids] + $stale));
}

[, $base, $task] = $argv;
$arguments = array_slice($argv, 3);
echo match ($task) {
    'direct' => direct($base, $arguments[0], []),
    'direct-stale' => direct($base, $arguments[0], STALE),
    'group' => group($base, $arguments, []),
    'group-stale' => group($base, $arguments, STALE),
};
